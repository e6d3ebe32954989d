"""The journal: an append-only file of events, one ``write(2)`` each, so that they are safe if the script is killed.

Every training script imports this file, so it must be fast to import and to call, and must never raise because of a
problem outside the script.
"""

import os
from _thread import RLock
from time import time

from trainshed.runtime import errors

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any

# Not to wait for a pipe, and not to follow a link, that a script has put in the journal's place.
_SAFELY = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | _SAFELY
_KIND, _FILE = 0o170000, 0o100000
_INFINITY = float("inf")
_MOST_HEADS = 10_000
_HIGHEST = 1000
_BELOW_LIMIT = 16
LONGEST_EVENT = 64 << 20
"""Bytes of one event as JSON; a longer one is refused by the call that logs it."""
_STEP_AND_TIME = 100
_LONGEST_NAME = 1 << 16
_PIECE = 1 << 20


class Journal:
    """Appends events to a file; safe to use from threads, signal handlers and forked children.

    Args:
        path: absolute path of the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._file = (-1, -1)
        self._heads: "dict[str, str]" = {}
        self._lock = RLock()
        self._warned = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._unlock)

    def scalar(self, name: str, value: object, step: "int | None" = None) -> None:
        """Append one value of a metric.

        Args:
            name: the metric.
            value: a str, bool, int or float.
            step: a position chosen by the script.

        Raises:
            UserErrorException: a name or value that is too long.
        """
        head = self._heads.get(name) or self._head(name)
        if type(value) is float and -_INFINITY < value < _INFINITY:
            middle = f'"v":{value!r}'
        elif type(value) is float:
            middle = f'"x":"{_spelled(value)}"'
        else:
            middle = '"v":' + _encoded(value)
            if len(head) + len(middle) > LONGEST_EVENT - _STEP_AND_TIME:
                raise _too_long("metric", name, len(head) + len(middle))
        place = "" if step is None else f'"s":{step},'
        self._write(f'{head}{place}{middle},"t":{time():.6f}}}\n'.encode())

    def event(self, kind: str, name: str, value: object = None) -> None:
        """Append any other event.

        Args:
            kind: ``"tag"``, ``"property"``, ``"list"``, …
            name: the metric, tag or property.
            value: JSON types; non-finite floats are encoded.

        Raises:
            UserErrorException: a name or value that is too long.
        """
        _check_name(name)
        record = {"k": kind, "n": name, "v": _strict(value), "t": round(time(), 6)}
        line = _encoded(record) + "\n"
        if len(line) > LONGEST_EVENT:
            raise _too_long(kind, name, len(line))
        if len(line) > _PIECE:
            line = "".join(_encoded({**record, "v": piece}) + "\n" for piece in _pieces(record["v"], len(line)))
        self._write(line.encode())

    def _head(self, name: str) -> str:
        """Return the beginning of a metric's lines; cached, unless the script uses a new name at every step."""
        _check_name(name)
        if len(self._heads) >= _MOST_HEADS:
            self._heads.clear()
        head = self._heads[name] = '{"k":"metric","n":' + _encoded(name) + ","
        return head

    def _write(self, line: bytes) -> None:
        try:
            done = os.write(self._fd, line)
            if done == len(line):
                return
            line = line[line.rfind(b"\n", 0, done) + 1 :]  # the lines before it are whole
        except OSError:
            pass  # not yet opened, closed by the script, or full
        with self._lock:
            try:
                self._write_again(line)
            except OSError as error:
                if not self._warned:
                    self._warned = True
                    errors.warn(f"logged values could not be written ({error}); training continues.")

    def _write_again(self, line: bytes) -> None:
        if not self._is_open():
            self._fd = _opened(self._path)
            found = os.fstat(self._fd)
            self._file = (found.st_dev, found.st_ino)
        if _torn(self._path):
            line = b"\n" + line
        if os.write(self._fd, line) < len(line):
            raise OSError("the disk is full")

    def _is_open(self) -> bool:
        """Tell whether the descriptor still refers to the journal: the script may have closed it and reused it."""
        try:
            found = os.fstat(self._fd)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._file

    def _unlock(self) -> None:
        """In a forked child, release a lock that a thread of the parent held."""
        self._lock = RLock()


def _opened(path: str) -> int:
    """Open the journal with a descriptor number so high that no file of the script will get it.

    A script may close descriptors that it did not open (daemons do). With a low number, the next file that it opens
    would get that number, and the metrics would be written to it.
    """
    low = os.open(path, _FLAGS, 0o600)
    if os.fstat(low).st_mode & _KIND != _FILE:
        os.close(low)
        raise OSError(f"{path} is not a file")
    try:
        import fcntl  # not available on every system

        least = min(_HIGHEST, os.sysconf("SC_OPEN_MAX") - _BELOW_LIMIT)
        high: int = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, least)
    except (ImportError, AttributeError, OSError, ValueError):
        return low
    os.close(low)
    return high


def _check_name(name: str) -> None:
    if len(name) > _LONGEST_NAME:
        raise errors.UserErrorException(
            f"The name '{name[:40]}…' has {len(name)} characters; the limit is {_LONGEST_NAME}."
        )


def _too_long(kind: str, name: str, size: int) -> errors.UserErrorException:
    what = kind if kind in ("tag", "property") else "metric"
    return errors.UserErrorException(
        f"The {what} '{name[:80]}' has {size / (1 << 20):.1f} MB as JSON; the limit is {LONGEST_EVENT >> 20} MB. "
        "Store larger values in a file below ./outputs."
    )


def _pieces(value: "Any", size: int) -> "list[Any]":
    """Split a long list, or a table with long columns, which the service joins; other values are one piece.

    Args:
        value: the value.
        size: its length as JSON.
    """
    columns = value if isinstance(value, dict) else {"": value}
    rows = {len(cells) if isinstance(cells, list) else 0 for cells in columns.values()}
    if len(rows) != 1 or rows == {0}:
        return [value]
    step = max(min(rows) * _PIECE // size, 1)
    parts = [{name: cells[at : at + step] for name, cells in columns.items()} for at in range(0, min(rows), step)]
    return parts if isinstance(value, dict) else [part[""] for part in parts]


def _torn(path: str) -> bool:
    """Tell whether the file ends within a line: a full disk or a crash of the machine may have cut it."""
    with os.fdopen(os.open(path, os.O_RDONLY | _SAFELY), "rb") as file:
        if not os.fstat(file.fileno()).st_size:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _encoded(value: object) -> str:
    """Return ``value`` as JSON, without the ``json`` module in simple cases: importing it takes 5 ms."""
    if type(value) is int:
        return str(value)
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is str and '"' not in value and ascii(value)[1:-1] == value:
        return f'"{value}"'
    import json

    return json.dumps(value, allow_nan=False)


def _spelled(value: float) -> str:
    return {"nan": "NaN", "inf": "Infinity"}.get(repr(value), "-Infinity")


def _strict(value: object) -> object:
    if isinstance(value, float) and not -_INFINITY < value < _INFINITY:
        return {"$float": _spelled(value)}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    return value
