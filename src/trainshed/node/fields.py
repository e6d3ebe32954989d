"""Orders to the programs that start with every rank and container, and their results: ``name=value`` fields.

A list of names and texts, each field ended by NUL, which arguments, variables and paths cannot contain. JSON would also
work, but importing it takes as long as starting Python.
"""

from __future__ import annotations

import os

from trainshed.system.confined import read_inside
from trainshed.system.files import replacing

_LONGEST = 8 << 20
"""More than the arguments and the environment of a process may have."""


def pack(pairs: list[tuple[str, str]]) -> bytes:
    r"""Return names and texts as bytes.

    Args:
        pairs: (name, text), in order; a name may come several times.

    Example:
        >>> pack([("argument", "train.py"), ("core", "0")])
        b'argument=train.py\x00core=0\x00'
    """
    return b"".join(os.fsencode(f"{name}={text}") + b"\0" for name, text in pairs)


def unpack(data: bytes) -> dict[str, list[str]]:
    r"""Return name → texts, in order.

    Args:
        data: the result of :func:`pack`.

    Example:
        >>> unpack(b"argument=train.py\x00argument=--rate=1\x00")
        {'argument': ['train.py', '--rate=1']}
    """
    found: dict[str, list[str]] = {}
    for field in filter(None, data.split(b"\0")[:-1]):
        name, _, text = os.fsdecode(field).partition("=")
        found.setdefault(name, []).append(text)
    return found


def variables(texts: list[str]) -> dict[str, str]:
    """Return environment variables as a dict.

    Args:
        texts: strings of the form ``NAME=value``.
    """
    return dict(text.partition("=")[::2] for text in texts)


def read(path: str, limit: int = _LONGEST) -> dict[str, list[str]]:
    """Return the fields of a file; none if it cannot be read.

    Args:
        path: the file.
        limit: bytes that are read of it.
    """
    return unpack(read_inside(*os.path.split(path), 0, limit))


def write(path: str, pairs: list[tuple[str, str]]) -> None:
    """Write a file of fields atomically, readable only by the owner, because variables may contain secrets.

    Args:
        path: the file.
        pairs: as for :func:`pack`.
    """
    with replacing(path) as file:
        file.write(pack(pairs))
