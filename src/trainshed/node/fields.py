"""Orders to the programs that start with every rank and container, and their answers: ``name=value`` fields.

A list of names and texts, each field ended by NUL, which neither arguments nor variables nor paths can hold. JSON
would do as well, and importing it takes as long as Python's own start.
"""

from __future__ import annotations

import os

from trainshed.system.files import replacing


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
        data: what :func:`pack` gave.

    Example:
        >>> unpack(b"argument=train.py\x00argument=--rate=1\x00")
        {'argument': ['train.py', '--rate=1']}
    """
    found: dict[str, list[str]] = {}
    for field in data.split(b"\0")[:-1]:
        name, _, text = os.fsdecode(field).partition("=")
        found.setdefault(name, []).append(text)
    return found


def variables(texts: list[str]) -> dict[str, str]:
    """Return environment variables as a dict.

    Args:
        texts: ``NAME=value``, each.
    """
    return dict(text.partition("=")[::2] for text in texts)


def read(path: str) -> dict[str, list[str]]:
    """Return the fields of a file; none where it is not there.

    Args:
        path: the file.
    """
    try:
        with open(path, "rb") as file:
            return unpack(file.read())
    except FileNotFoundError:
        return {}


def write(path: str, pairs: list[tuple[str, str]]) -> None:
    """Write a file of fields whole or not at all; not for others' eyes, since variables may hold secrets.

    Args:
        path: the file.
        pairs: as for :func:`pack`.
    """
    with replacing(path) as file:
        file.write(pack(pairs))
