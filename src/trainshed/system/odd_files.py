"""What stands where a file of a run should stand: how it is recognised, and what people are told of it."""

from __future__ import annotations

import errno
import os

from trainshed.errors import TYPE_CHECKING, NotFoundException
from trainshed.system.confined import open_inside

if TYPE_CHECKING:
    from typing import BinaryIO, List, Sequence, Tuple

_MOST_HOLES = 4 << 30
"""Bytes in holes from which on a file is called sparse: reading a terabyte of them would take an hour."""
_LONGEST_SHOWN = 120
_MOST_SHOWN = 5
_MOST_LEFT_OUT = 10_000
_WORDS = {errno.ELOOP: "a link", errno.ENXIO: "a socket"}
SPARSE = "nearly all of it is empty space"


class LeftOut:
    """What was not kept, and why; of very many only the first.

    Attributes:
        found: of each its name, and why.
    """

    def __init__(self) -> None:
        self.found: List[Tuple[str, str]] = []

    def add(self, name: str, reason: str) -> None:
        """Note one.

        Args:
            name: its name.
            reason: why it was not kept; ``""`` where there is nothing to be said of it.
        """
        if reason and len(self.found) < _MOST_LEFT_OUT:
            self.found.append((name, reason))


def oddity(root: str | os.PathLike[str], relative: str) -> str:
    """Return in words why something below ``root`` cannot be read as a file; ``""`` for a file, or where nothing is."""
    try:
        with open_inside(root, relative) as file:
            return SPARSE if sparse(file) else ""
    except NotFoundException as error:
        return why(error)


def why(error: NotFoundException) -> str:
    """Return why :func:`open_inside` could not open something; ``""`` if it does not exist."""
    cause = error.__cause__
    if isinstance(cause, OSError) and cause.errno in _WORDS:
        return _WORDS[cause.errno]
    return "" if isinstance(cause, FileNotFoundError) else str(getattr(cause, "strerror", None) or cause)


def shown(name: str) -> str:
    """Return a name for people: without control characters, and not too long."""
    text = repr(name)[1:-1].replace("\\udc", "\\x")  # the bytes of a name that is not UTF-8
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN // 2]}…{text[-_LONGEST_SHOWN // 2 :]}"


def not_kept(left_out: Sequence[Tuple[str, str]]) -> str:
    """Return a sentence about files that were not kept.

    Args:
        left_out: of each its name, and why.

    Example:
        >>> not_kept([("outputs/latest", "a link")])
        "1 file was not kept: 'outputs/latest' (a link)."
    """
    count = len(left_out)
    some = ", ".join(f"'{shown(name)}' ({reason})" for name, reason in left_out[:_MOST_SHOWN])
    more = f" and {count - _MOST_SHOWN} more" if count > _MOST_SHOWN else ""
    return f"{count} {'file was' if count == 1 else 'files were'} not kept: {some}{more}."


def hollow(facts: os.stat_result) -> bool:
    """Tell whether a file may be a giant of holes: it uses far less space than it has bytes."""
    return facts.st_size - facts.st_blocks * 512 >= _MOST_HOLES


def sparse(file: BinaryIO) -> bool:
    """Tell whether a file is a giant of holes, which nobody should read from one end to the other."""
    fd, at, holes = file.fileno(), 0, 0
    facts = os.fstat(fd)
    # File systems that compress use less space as well, but know where the data are.
    if not hollow(facts) or not hasattr(os, "SEEK_DATA"):
        return False
    while at < facts.st_size and holes < _MOST_HOLES:
        try:
            data = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:  # no data from here on
            data = facts.st_size
        holes += data - at
        at = facts.st_size if data >= facts.st_size else os.lseek(fd, data, os.SEEK_HOLE)
    os.lseek(fd, 0, os.SEEK_SET)
    return holes >= _MOST_HOLES
