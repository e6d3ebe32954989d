"""The journal: an append-only file of events, one ``write(2)`` each, so that every one outlives the script.

This file is imported by every training script: it must be quick to import, quick to call, and must never throw
for a reason that is not the script's own.
"""

import os
import sys
from _thread import allocate_lock
from time import time

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
_FINITE = float("inf")


class Journal:
    """Appends events to a file; safe to use from threads and forked children.

    Args:
        path: the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._names: "dict[str, str]" = {}
        self._lock = allocate_lock()
        self._warned = False

    def scalar(self, name: str, value: object, step: "int | None" = None) -> None:
        """Append one value of a metric.

        Args:
            name: the metric.
            value: a str, bool, int or float.
            step: a position chosen by the script.
        """
        head = self._names.get(name)
        if head is None:
            head = self._names[name] = '{"k":"metric","n":' + _encoded(name) + ","
        if type(value) is float and -_FINITE < value < _FINITE:
            middle = f'"v":{value!r}'
        elif isinstance(value, float):
            middle = f'"x":"{_spelled(value)}"'
        else:
            middle = '"v":' + _encoded(value)
        place = "" if step is None else f'"s":{step},'
        self._write(f'{head}{place}{middle},"t":{time():.6f}}}\n'.encode())

    def event(self, kind: str, name: str, value: object = None) -> None:
        """Append any other event.

        Args:
            kind: ``"tag"``, ``"property"``, ``"list"``, …
            name: what it is about.
            value: JSON; floats that JSON lacks are spelled out.
        """
        record = {"k": kind, "n": name, "v": _strict(value), "t": round(time(), 6)}
        self._write((_encoded(record) + "\n").encode())

    def _write(self, line: bytes) -> None:
        try:
            if os.write(self._fd, line) == len(line):
                return
        except OSError:
            pass
        self._reopen_and_write(line)

    def _reopen_and_write(self, line: bytes) -> None:
        """Write again on a new descriptor: the old one was never opened, closed by the script, or is full."""
        with self._lock:
            try:
                self._fd = os.open(self._path, _FLAGS, 0o600)
                # A newline first ends what a full disk may have cut off.
                done = os.write(self._fd, line if os.fstat(self._fd).st_size == 0 or self._fresh() else b"\n" + line)
                if done < len(line):
                    raise OSError("the disk is full")
            except OSError as error:
                if not self._warned:
                    self._warned = True
                    sys.stderr.write(f"trainshed: a metric could not be written ({error}); training goes on.\n")

    def _fresh(self) -> bool:
        """Tell whether the file ends with a whole line."""
        with open(self._path, "rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"


def _encoded(value: object) -> str:
    if type(value) is int:
        return str(value)
    if isinstance(value, str) and value.isidentifier() and value.isascii():
        return f'"{value}"'
    import json  # 5 ms, which scripts that log numbers under plain names do not pay

    return json.dumps(value)


def _spelled(value: float) -> str:
    return {"nan": "NaN", "inf": "Infinity"}.get(repr(float(value)), "-Infinity")


def _strict(value: object) -> object:
    if isinstance(value, float) and not -_FINITE < value < _FINITE:
        return {"$float": _spelled(value)}
    if isinstance(value, (list, tuple)):
        return [_strict(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _strict(item) for key, item in value.items()}
    return value
