"""The files of a run in its run directory: found, read and written without ever leaving it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.spec import layout
from trainshed.spec.checks import check_relative_path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20


def open_inside(root: Path, relative: str) -> BinaryIO:
    """Open a regular file below ``root`` without following a link at any step.

    Args:
        root: folder that must not be left.
        relative: canonical relative path.

    Raises:
        NotFoundException: nothing there, or no regular file.
    """
    check_relative_path(relative, "File name")
    *folders, name = relative.split("/")
    try:
        with _folder(root, folders) as folder:
            # Non-blocking: a FIFO that waits for a writer must not hang the service.
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        raise NotFoundException(f"There is no file '{relative}'.") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotFoundException(f"'{relative}' is not a regular file.")
    return os.fdopen(fd, "rb")


@contextlib.contextmanager
def create_inside(root: Path, relative: str, overwrite: bool) -> Iterator[BinaryIO]:
    """Write a file below ``root`` under a temporary name and give it its own when all is written.

    Args:
        root: folder that must not be left.
        relative: canonical relative path.
        overwrite: replace a file that is there.

    Raises:
        UserErrorException: the name is taken and ``overwrite`` is false, or is a folder's.
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


def _give_name(part: str, name: str, folder: int, overwrite: bool) -> None:
    try:
        if overwrite:
            os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            os.link(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        raise UserErrorException(
            f"There is a file '{name}' already. Choose another name or remove it first."
        ) from error


@contextlib.contextmanager
def _folder(root: Path, parts: list[str], create: bool = False) -> Iterator[int]:
    """Walk down folder by folder, by handle, refusing links; yield the last handle."""
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


def listing(run_dir: Path) -> Iterator[tuple[str, os.stat_result, Path]]:
    """Yield every regular file of a run: (its name in the run, stat, path); links and special files are left out.

    Args:
        run_dir: the run directory.
    """
    for prefix, folder in (*layout.ROOTS, ("", layout.ARTIFACTS + "/")):
        root = run_dir / folder
        for relative, facts in _walk(str(root)):
            yield prefix + relative, facts, root / relative


def _walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            entries = sorted(os.scandir(os.path.join(root, folder)), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        for entry in entries:
            relative = f"{folder}/{entry.name}" if folder else entry.name
            # SQLite and JSON hold text: a name that is none cannot be told to anybody.
            if not relative.isprintable() and any("\udc80" <= char <= "\udcff" for char in relative):
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(relative)
            elif entry.is_file(follow_symlinks=False):
                with contextlib.suppress(FileNotFoundError):
                    yield relative, entry.stat(follow_symlinks=False)


def manifest(run_dir: Path) -> list[tuple[str, int, str, float]]:
    """Return ``(name, size in bytes, sha256, modified)`` of every file of a run that has ended.

    Args:
        run_dir: the run directory.
    """
    rows = []
    for name, _, path in listing(run_dir):
        try:
            with open_inside(path.parent, path.name) as file:
                digest, size = _digest(file)
                rows.append((name, size, digest, os.fstat(file.fileno()).st_mtime))
        except NotFoundException:
            continue
    return rows


def _digest(file: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def clean(run_dir: Path) -> list[str]:
    """Delete the working files of a run: its code and its data, but neither outputs nor logs.

    Args:
        run_dir: its run directory.

    Returns:
        Names of what was deleted, relative to the run directory.
    """
    code = run_dir / layout.CODE
    gone = [path for path in (sorted(code.iterdir()) if code.is_dir() else ()) if path.name not in ("outputs", "logs")]
    gone += [run_dir / layout.DATA] if (run_dir / layout.DATA).is_dir() else []
    for path in gone:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return [path.relative_to(run_dir).as_posix() for path in gone]
