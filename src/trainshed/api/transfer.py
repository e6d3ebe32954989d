"""Files between this machine and the service: never half a file under its name."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, Any

from trainshed.errors import UserErrorException
from trainshed.system import files

_CHUNK = 1 << 18

Body = bytes | Callable[[], Iterable[bytes]]


def download(pieces: Iterable[bytes], name: str, target: str | os.PathLike[str] | None) -> str:
    """Write what comes to a file, under another name until it is whole.

    Args:
        pieces: the content.
        name: the file's name where it comes from, e.g. ``"outputs/model.pkl"``.
        target: path to write to; a folder keeps the last part of the name; None: the current folder.

    Returns:
        The path written.
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
    """Return where each of these files goes.

    Args:
        names: of the files.
        prefix: what all names begin with.
        folder: below which they go; the current one if None.
        paths: instead, the paths themselves.
        append_prefix: keep the prefix in the paths.

    Raises:
        UserErrorException: another number of paths than of names, or a name that would leave the folder.

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
    """Yield the files of a folder and of those in it, in order: path, and path relative to it with ``/``.

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
    """Return a new folder for files that nobody gave a place to."""
    import tempfile

    return tempfile.mkdtemp(prefix=f"{label}-")


@contextlib.contextmanager
def opened(source: str | os.PathLike[str] | IO[bytes]) -> Iterator[tuple[Body, int]]:
    """Open what is to be uploaded.

    Args:
        source: a local file, or something with ``read()``.

    Yields:
        The body, and its length in bytes.

    Raises:
        UserErrorException: no such file, or no file at all.
    """
    if not isinstance(source, (str, os.PathLike)):
        yield _read(source)
        return
    try:
        file = open(source, "rb")  # noqa: SIM115 - closed below; only its opening is a user's mistake
    except OSError as error:
        raise UserErrorException(f"The file {os.fspath(source)!r} cannot be read: {error.strerror}.") from error
    with file:
        size = os.fstat(file.fileno()).st_size

        def pieces() -> Iterator[bytes]:
            file.seek(0)
            left = size
            while left:
                piece = file.read(min(left, _CHUNK))
                if not piece:
                    raise UserErrorException(
                        f"The file {os.fspath(source)!r} became shorter while it was being uploaded."
                    )
                left -= len(piece)
                yield piece

        yield pieces, size


def _read(source: Any) -> tuple[bytes, int]:
    if not hasattr(source, "read"):
        raise UserErrorException(f"Pass the path of a file or an open file to upload, not {type(source).__name__}.")
    content = source.read()
    content = content.encode() if isinstance(content, str) else bytes(content)
    return content, len(content)
