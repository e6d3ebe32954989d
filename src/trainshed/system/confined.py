"""Opens, writes and lists files below a folder by descriptor, without following links that could lead outside."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from typing import Any, BinaryIO, Dict, Iterator, List, Tuple

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.spec.checks import check_relative_path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20
_LONGEST_JSON = 1 << 20


def open_inside(root: str | os.PathLike[str], relative: str) -> BinaryIO:
    """Open a regular file below ``root`` without following any link.

    Args:
        root: the folder to stay in.
        relative: canonical relative path.

    Raises:
        NotFoundException: it does not exist or is not a regular file.
    """
    check_relative_path(relative, "File name")
    *folders, name = relative.split("/")
    try:
        with _folder(root, folders) as folder:
            # Non-blocking, because a FIFO without a writer must not block the service.
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise NotFoundException(f"There is no file '{relative}'.") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotFoundException(f"'{relative}' is not a regular file.")
    return os.fdopen(fd, "rb")


def read_inside(root: str | os.PathLike[str], relative: str, offset: int, limit: int) -> bytes:
    """Return up to ``limit`` bytes of a file below ``root`` from ``offset``; none if the file does not exist."""
    try:
        with open_inside(root, relative) as file:
            file.seek(offset)
            return file.read(limit)
    except NotFoundException:
        return b""


def json_inside(root: str | os.PathLike[str], relative: str) -> Dict[str, Any]:
    """Return the object in a small JSON file below ``root``; an empty one where there is nothing of the kind.

    Args:
        root: the folder to stay in.
        relative: canonical relative path.
    """
    import json  # takes 5 ms, and not everybody who opens files reads such

    try:
        with open_inside(root, relative) as file:
            data = file.read(_LONGEST_JSON + 1)
        found = json.loads(data) if len(data) <= _LONGEST_JSON else None
    except (NotFoundException, OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


@contextlib.contextmanager
def create_inside(root: str | os.PathLike[str], relative: str, overwrite: bool) -> Iterator[BinaryIO]:
    """Write a file below ``root`` under a temporary name and rename it once it is complete.

    Args:
        root: the folder to stay in.
        relative: canonical relative path.
        overwrite: replace an existing file.

    Raises:
        UserErrorException: the name is taken and ``overwrite`` is false, or it is a folder.
    """
    check_relative_path(relative, "File name")
    *folders, name = relative.split("/")
    with _folder(root, folders, create=True) as folder:
        part = f".{name[:200]}.{os.getpid()}.{id(relative):x}.part"
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        try:
            with os.fdopen(fd, "wb") as file:
                yield file
            _give_name(part, name, folder, overwrite)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)


def append_inside(root: str | os.PathLike[str], relative: str, data: bytes) -> None:
    """Append to a regular file below ``root``, creating it and its folders if they do not exist."""
    *folders, name = check_relative_path(relative, "File name").split("/")
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with _folder(root, folders, create=True) as folder, os.fdopen(
        os.open(name, flags, 0o600, dir_fd=folder), "ab", buffering=0
    ) as file:
        while data:
            data = data[file.write(data) :]


def _give_name(part: str, name: str, folder: int, overwrite: bool) -> None:
    try:
        if overwrite:
            os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.link(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        raise UserErrorException(
            f"There is already a file '{name}'. Choose another name or remove it first."
        ) from error


@contextlib.contextmanager
def _folder(root: str | os.PathLike[str], parts: List[str], create: bool = False) -> Iterator[int]:
    """Open folder after folder by descriptor, without following links; yield the last descriptor."""
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, 0o700, dir_fd=fd)
            below = os.open(part, _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def walk(root: str) -> Iterator[Tuple[str, os.stat_result]]:
    """Yield (relative path, stat) of every regular file below ``root``; links and special files are skipped."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            relative = f"{folder}/{entry.name}" if folder else entry.name
            # SQLite and JSON hold text, so a file whose name is not valid text cannot be listed.
            if not relative.isprintable() and any("\udc80" <= char <= "\udcff" for char in relative):
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(relative)
            elif entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    yield relative, entry.stat(follow_symlinks=False)


def digest(file: BinaryIO) -> Tuple[str, int]:
    """Return the SHA-256 hash of the rest of a file, and its length."""
    made, size = hashlib.sha256(), 0
    while True:
        chunk = file.read(_CHUNK)
        if not chunk:
            return made.hexdigest(), size
        made.update(chunk)
        size += len(chunk)
