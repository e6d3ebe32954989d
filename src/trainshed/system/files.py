"""Writes files atomically, and reads small JSON files that may be missing."""

from __future__ import annotations

import os
from _thread import get_ident
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Dict, Iterator

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
PRIVATE = 0o600
PUBLIC = 0o666
"""Mode of new files, before the process's umask is applied."""


@contextmanager
def replacing(path: str, mode: int = PRIVATE, durable: bool = False) -> Iterator[BinaryIO]:
    """Yield a file to write to, which gets its name when it is complete.

    Args:
        path: the name; an existing file is replaced.
        mode: mode of the new file.
        durable: survive a power failure once this returns.
    """
    folder, name = os.path.split(path)
    part = os.path.join(folder, f".{name[:60]}.{os.getpid()}-{get_ident()}.part")
    try:
        with open(os.open(part, _FLAGS, mode), "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
    if durable:
        sync_folder(folder or ".")


def write(path: str, content: str, mode: int = PRIVATE, durable: bool = False) -> None:
    """Write a text file atomically.

    Args:
        path: the file.
        content: its text.
        mode: as for :func:`replacing`.
        durable: as for :func:`replacing`.
    """
    with replacing(path, mode, durable) as file:
        file.write(content.encode("utf-8"))


def write_once(path: str, content: str) -> bool:
    """Write a text file atomically and durably unless it exists; return whether it was written.

    Args:
        path: the file.
        content: its text.
    """
    part = f"{path}.{os.getpid()}-{get_ident()}"
    write(part, content, durable=True)
    try:
        os.link(part, path)  # it appears at once and complete, or not at all
    except FileExistsError:
        return False
    finally:
        os.unlink(part)
    return True


def sync_folder(folder: str) -> None:
    """Make new and removed names in a folder survive a power failure."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_json(path: str) -> Dict[str, Any]:
    """Return the object in a JSON file; an empty one if the file does not exist or contains something else."""
    import json  # takes 5 ms; a client with nothing to read does not need it

    try:
        with open(path, "rb") as file:
            found = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: str, value: Dict[str, Any]) -> None:
    """Write a JSON file atomically, creating its folder if necessary."""
    import json  # see read_json

    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write(path, json.dumps(value))
