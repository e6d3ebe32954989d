"""File uploads and downloads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from trainshed.errors import UserErrorException
from trainshed.system import files

_CHUNK = 1 << 18

if TYPE_CHECKING:
    Body = bytes | Callable[[], Iterable[bytes]]


def download(pieces: Iterable[bytes], name: str, target: str | os.PathLike[str] | None) -> str:
    """Write downloaded content to a file, which is renamed into place once complete.

    Args:
        pieces: content, in chunks.
        name: name of the file on the service, e.g. ``"outputs/model.pkl"``.
        target: file to write, or folder in which to keep the file's base name. Default: the current folder.

    Returns:
        Path of the written file.
    """
    path = os.fspath(target) if target is not None else ""
    if not path or path.endswith(os.sep) or os.path.isdir(path):
        path = os.path.join(path, name.rsplit("/", 1)[-1])
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with files.replacing(path, files.PUBLIC) as file:
        for piece in pieces:
            file.write(piece)
    return path


def local_paths(
    names: Sequence[str],
    prefix: str,
    folder: str | os.PathLike[str] | None,
    paths: Sequence[str] | None,
    append_prefix: bool,
) -> list[str]:
    """Return the local path of each file to download.

    Args:
        names: names of the files on the service.
        prefix: prefix that all names share.
        folder: download folder. Default: the current folder.
        paths: explicit local path of each file; replaces ``folder``.
        append_prefix: keep the prefix in the local paths.

    Raises:
        UserErrorException: the number of paths differs from the number of names, or a name points outside the folder.

    Example:
        >>> local_paths(["outputs/a.txt"], "outputs/", "here", None, append_prefix=False)
        ['here/a.txt']
    """
    if paths is not None:
        if len(paths) != len(names):
            raise UserErrorException(
                f"There are {len(names)} files and {len(paths)} output_paths. Pass one path for each file."
            )
        return [os.fspath(path) for path in paths]
    root = os.fspath(folder) if folder is not None else "."
    cut = 0 if append_prefix else len(prefix)
    return [os.path.join(root, *_parts(name[cut:].lstrip("/") or name)) for name in names]


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise UserErrorException(f"File name {name!r} cannot be used as a local path.")
    return parts


def files_below(folder: str | os.PathLike[str]) -> Iterator[tuple[str, str]]:
    """Yield each file in a folder and its subfolders, sorted, as (path, path relative to the folder with ``/``).

    Example:
        >>> [name for _, name in files_below("src")]
        ['train.py']
    """
    for at, folders, names in os.walk(folder):
        folders.sort()
        for path in (os.path.join(at, name) for name in sorted(names)):
            if os.path.isfile(path):
                yield path, os.path.relpath(path, folder).replace(os.sep, "/")


def temporary_folder(label: str) -> str:
    """Create a temporary folder and return its path.

    Args:
        label: prefix of the folder's name.
    """
    import tempfile

    return tempfile.mkdtemp(prefix=f"{label}-")


@contextlib.contextmanager
def opened(source: str | os.PathLike[str] | IO[bytes]) -> Iterator[tuple[Body, int]]:
    """Open a file for upload.

    Args:
        source: path, or file-like object.

    Yields:
        Request body and its length in bytes.

    Raises:
        UserErrorException: the file cannot be read, or ``source`` is neither a path nor file-like.
    """
    if not isinstance(source, (str, os.PathLike)):
        yield _read(source)
        return
    try:
        file = open(source, "rb")  # noqa: SIM115 - closed below; only a failure to open it is a user error
    except OSError as error:
        raise UserErrorException(f"The file {os.fspath(source)!r} cannot be read: {error.strerror}.") from error
    with file:
        size = os.fstat(file.fileno()).st_size

        def pieces() -> Iterator[bytes]:
            file.seek(0)
            remaining = size
            while remaining:
                piece = file.read(min(remaining, _CHUNK))
                if not piece:
                    raise UserErrorException(
                        f"The file {os.fspath(source)!r} became shorter while it was being uploaded."
                    )
                remaining -= len(piece)
                yield piece

        yield pieces, size


def _read(source: Any) -> tuple[bytes, int]:
    if not hasattr(source, "read"):
        raise UserErrorException(f"Pass the path of a file or an open file to upload, not {type(source).__name__}.")
    content = source.read()
    content = content.encode() if isinstance(content, str) else bytes(content)
    return content, len(content)
