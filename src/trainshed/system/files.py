"""Writes files atomically, and reads small JSON files that may be missing."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, BinaryIO, Dict, Optional, Type

# The folder may be one in which a script writes as well: what is there is not opened.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
PRIVATE = 0o600
PUBLIC = 0o666
"""Mode of new files, before the process's umask is applied."""


class replacing:  # noqa: N801 - it is called as the function that it was, whose decorator takes 4 ms to import
    """Give a file to write to, which gets its name when it is complete.

    Args:
        path: the name; an existing file is replaced.
        mode: mode of the new file.
        durable: survive a power failure once this returns.
    """

    def __init__(self, path: str, mode: int = PRIVATE, durable: bool = False) -> None:
        folder, name = os.path.split(path)
        self._path, self._folder, self._mode, self._durable = path, folder, mode, durable
        self._part = os.path.join(folder, f".{name[:60]}.{_unused()}.part")

    def __enter__(self) -> BinaryIO:
        """Return the file."""
        self._file: BinaryIO = open(os.open(self._part, _FLAGS, self._mode), "wb")
        return self._file

    def __exit__(self, failed: Optional[Type[BaseException]], *_: object) -> None:
        """Give the file its name, or remove it where writing it failed."""
        try:
            with self._file as file:
                if self._durable and failed is None:
                    file.flush()
                    os.fsync(file.fileno())
            if failed is None:
                os.replace(self._part, self._path)
        except BaseException as error:
            failed = type(error)
            raise
        finally:
            if failed is not None:
                _remove(self._part)
        if self._durable and failed is None:
            sync_folder(self._folder or ".")


def _unused() -> str:
    return f"{os.getpid()}-{os.urandom(4).hex()}"


def _remove(path: str) -> None:
    try:  # noqa: SIM105 - see replacing
        os.unlink(path)
    except OSError:
        pass  # gone with its folder


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


def write_once(path: str, content: str, durable: bool = True) -> bool:
    """Write a text file atomically unless it exists; return whether it was written.

    Args:
        path: the file.
        content: its text.
        durable: as for :func:`replacing`.
    """
    part = f"{path}.{_unused()}"
    try:
        with open(os.open(part, _FLAGS, PRIVATE), "wb") as file:
            file.write(content.encode("utf-8"))
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.link(part, path)  # it appears at once and complete, or not at all
    except FileExistsError:
        return False
    finally:
        _remove(part)
    sync_folder(os.path.dirname(path) or ".")
    return True


def sync_folder(folder: str) -> None:
    """Make new and removed names in a folder survive a power failure."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(folder: str) -> None:
    """Make everything on a folder's file system survive a power failure, which may take long while others write."""
    import ctypes  # takes 3 ms, and only few need it

    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if not hasattr(library, "syncfs"):
            os.sync()
        elif library.syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), folder)
    finally:
        os.close(fd)


def read_json(path: str) -> Dict[str, Any]:
    """Return the object in a JSON file; an empty one if the file does not exist or contains something else."""
    from trainshed.system import jsons  # a client with nothing to read does not need it

    try:
        with open(path, "rb") as file:
            found = jsons.loads(file.read())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: str, value: Dict[str, Any]) -> None:
    """Write a JSON file atomically, creating its folder if necessary."""
    from trainshed.system import jsons  # see read_json

    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    write(path, jsons.dumps(value))
