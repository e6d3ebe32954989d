"""The one way to open, write, list and remove what is below a folder in which somebody else writes as well.

Everything in a run directory is reached by these functions: a script may have put anything in the place of anything.
They go by descriptor from the folder itself, so that no link leads outside and no path is too long; they open regular
files only, and never wait for the other end of a pipe. It imports little, because it starts with every rank.
"""

from __future__ import annotations

import errno
import os
import stat

from trainshed.errors import TYPE_CHECKING, NotFoundException, TrainshedError, UserErrorException

if TYPE_CHECKING:
    from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Optional, Sequence, Tuple, Type

    Root = str | os.PathLike[str]
    LeftOut = Callable[[str, str], None]

_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
ODD = frozenset({errno.EINVAL, errno.ELOOP, errno.ENXIO, errno.EISDIR, errno.ENOTDIR})
"""Errors that say that something else than a regular file stands in its place, or on the way to it."""
_CHUNK = 1 << 20
_LONGEST_JSON = 1 << 20
_DEEPEST = 200
"""Folders within folders: below that, nothing is listed."""
_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
)


def open_inside(root: Root, relative: str) -> BinaryIO:
    """Open a regular file below ``root`` without following any link.

    Args:
        root: the folder to stay in, itself not a link.
        relative: relative path, without ``.`` and ``..``; any other character that the system takes is allowed.

    Raises:
        NotFoundException: it does not exist, is not a regular file, or cannot be read; its cause tells which.
        UserErrorException: the path is not a relative one.
    """
    try:
        return os.fdopen(_open(root, relative, os.O_RDONLY), "rb")
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EINVAL, errno.EACCES, errno.EIO):
            raise NotFoundException(f"File '{relative}' cannot be read ({error.strerror}).") from error
        raise NotFoundException(f"There is no file '{relative}'.") from error


def read_inside(root: Root, relative: str, offset: int, limit: int) -> bytes:
    """Return up to ``limit`` bytes of a file below ``root`` from ``offset``; none where it cannot be read."""
    try:
        with open_inside(root, relative) as file:
            file.seek(offset)
            return file.read(limit)
    except (TrainshedError, OSError, ValueError, OverflowError):
        return b""


def json_inside(root: Root, relative: str, limit: int = _LONGEST_JSON) -> Dict[str, Any]:
    """Return the object in a small JSON file below ``root``; an empty one where there is nothing of the kind.

    Args:
        root: the folder to stay in.
        relative: canonical relative path.
        limit: bytes that it may have.
    """
    data = read_inside(root, relative, 0, limit + 1)
    if not data:
        return {}
    from trainshed.system import jsons  # not everybody who opens files reads such

    try:
        found = jsons.loads(data) if len(data) <= limit else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def facts_inside(root: Root, relative: str) -> Optional[os.stat_result]:
    """Return the facts of a regular file below ``root``; None where there is none."""
    *folders, name = parts_of(relative)
    try:
        folder = open_folder(root, folders)
        try:
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        finally:
            os.close(folder)
    except (OSError, ValueError):
        return None
    return facts if stat.S_ISREG(facts.st_mode) else None


class create_inside:  # noqa: N801 - it is called as the function that it was, see trainshed.system.files
    """Write a file below ``root`` under a temporary name and rename it once it is complete.

    Args:
        root: the folder to stay in.
        relative: as for :func:`open_inside`.
        overwrite: replace an existing file.

    Raises:
        UserErrorException: the name is taken and ``overwrite`` is false, or it is a folder.
    """

    def __init__(self, root: Root, relative: str, overwrite: bool) -> None:
        *self._folders, self._name = parts_of(relative)
        self._root, self._overwrite = root, overwrite
        self._part = f".{self._name[:50]}.{os.getpid()}.{id(self):x}.part"

    def __enter__(self) -> BinaryIO:
        """Return the file."""
        self._folder = open_folder(self._root, self._folders, create=True)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._file: BinaryIO = os.fdopen(os.open(self._part, flags, 0o600, dir_fd=self._folder), "wb")
        except BaseException:
            os.close(self._folder)
            raise
        return self._file

    def __exit__(self, failed: Optional[Type[BaseException]], *_: object) -> None:
        """Give the file its name, or remove it where writing it failed."""
        try:
            self._file.close()
            if failed is None:
                self._give_name()
        finally:
            try:  # noqa: SIM105 - see create_inside
                os.unlink(self._part, dir_fd=self._folder)
            except OSError:
                pass  # it has its name
            os.close(self._folder)

    def _give_name(self) -> None:
        try:
            give = os.replace if self._overwrite else os.link
            give(self._part, self._name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError as error:
            raise UserErrorException(
                f"There is already a file '{self._name}'. Choose another name or remove it first."
            ) from error


def open_to_append(root: Root, relative: str) -> int:
    """Open a regular file below ``root`` for appending, creating it and its folders if they do not exist.

    Returns:
        Its descriptor.

    Raises:
        OSError: something else has its place, or it cannot be written.
    """
    fd = _open(root, relative, os.O_WRONLY | os.O_CREAT | os.O_APPEND, create=True)
    os.set_blocking(fd, True)  # programs that are given the descriptor know nothing of it
    return fd


def open_to_write(root: Root, relative: str) -> int:
    """Open a regular file below ``root`` for writing in place; see :func:`open_to_append`."""
    return _open(root, relative, os.O_WRONLY | os.O_CREAT, create=True)


def append_inside(root: Root, relative: str, data: bytes) -> None:
    """Append to a regular file below ``root``; see :func:`open_to_append`."""
    fd = open_to_append(root, relative)
    try:
        while data:
            data = data[os.write(fd, data) :]
    finally:
        os.close(fd)


def link_inside(root: Root, relative: str, second: str) -> None:
    """Give a regular file below ``root`` a second name there, in the place of what has that name.

    Raises:
        OSError: it cannot have it.
    """
    (*folders, name), (*others, alias) = parts_of(relative), parts_of(second)
    folder = open_folder(root, folders)
    try:
        other = open_folder(root, others, create=True)
        try:
            unlink(alias, other)
            os.link(name, alias, src_dir_fd=folder, dst_dir_fd=other, follow_symlinks=False)
        finally:
            os.close(other)
    finally:
        os.close(folder)


def walk(root: Root, below: str = "", left_out: Optional[LeftOut] = None) -> Iterator[Tuple[str, os.stat_result]]:
    """Yield (relative path, stat) of every regular file in a folder below ``root``; no entry makes it fail.

    Args:
        root: the folder to stay in.
        below: path of the folder in it, ``""`` for all.
        left_out: called with the path of everything that is not listed, and why: links, special files, names that are
            not text, folders that cannot be read.
    """
    base = parts_of(below.rstrip("/")) if below else []
    tell = left_out or (lambda *_: None)
    pending: List[Tuple[str, ...]] = [()]
    while pending:
        parts = pending.pop()
        if len(parts) > _DEEPEST:
            tell("/".join(parts), f"below {_DEEPEST} folders")
            continue
        files, folders = _listed(root, base, parts, tell)
        pending.extend((*parts, name) for name in folders)
        yield from files


def _listed(
    root: Root, base: List[str], parts: Tuple[str, ...], tell: LeftOut
) -> Tuple[List[Tuple[str, os.stat_result]], List[str]]:
    """Return the files and the names of the folders in one folder."""
    files, folders = [], []
    prefix = "".join(f"{part}/" for part in parts)
    try:
        for name, facts in _entries(root, [*base, *parts]):
            # SQLite and JSON hold text, so a file whose name is not valid text cannot be listed.
            if not name.isprintable() and any("\udc80" <= char <= "\udcff" for char in name):
                tell(prefix + name, "its name is not UTF-8")
            elif isinstance(facts, str):
                tell(prefix + name, facts)
            elif stat.S_ISDIR(facts.st_mode):
                folders.append(name)
            elif stat.S_ISREG(facts.st_mode):
                files.append((prefix + name, facts))
            else:
                tell(prefix + name, kind(facts.st_mode))
    except FileNotFoundError:
        pass  # it was never made, or is gone
    except OSError as error:
        odd = error.errno in (errno.ENOTDIR, errno.ELOOP)
        tell(prefix.rstrip("/"), "not a folder" if odd else str(error.strerror))
    return files, folders


def _entries(root: Root, parts: Sequence[str]) -> List[Tuple[str, os.stat_result | str]]:
    """Return the entries of a folder, each with its facts, or with why there are none."""
    found: List[Tuple[str, os.stat_result | str]] = []
    fd = open_folder(root, parts)
    try:
        with os.scandir(fd) as entries:
            for entry in entries:
                try:
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    continue
                except OSError as error:
                    found.append((entry.name, str(error.strerror)))
    finally:
        os.close(fd)
    return sorted(found, key=lambda each: each[0])


def names_inside(root: Root, below: str) -> List[str]:
    """Return the names of everything in a folder below ``root``; none where there is no such folder."""
    try:
        return [name for name, _ in _entries(root, parts_of(below))]
    except OSError:
        return []


def kind(mode: int) -> str:
    """Return in words what a mode says that is not a regular file."""
    return next((words for test, words in _KINDS if test(mode)), "a device")


def _open(root: Root, relative: str, flags: int, create: bool = False) -> int:
    *folders, name = parts_of(relative)
    folder = open_folder(root, folders, create)
    try:
        fd = os.open(name, flags | _SAFELY, 0o600, dir_fd=folder)
    finally:
        os.close(folder)
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode):
        os.close(fd)
        raise OSError(errno.EINVAL, kind(mode))
    return fd


def unlink(name: str, folder: int) -> bool:
    """Remove a name from a folder, by its descriptor, unless it is a folder's; tell whether it is gone."""
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return True
    except (IsADirectoryError, PermissionError):  # Linux says the one of a folder, POSIX the other
        return False
    return True


def parts_of(relative: str) -> List[str]:
    """Return the parts of a relative path that stays in its folder.

    Raises:
        UserErrorException: it does not.
    """
    parts = relative.split("/")
    if "\0" in relative or any(part in ("", ".", "..") for part in parts):
        raise UserErrorException(
            f"File name {relative!r} is not valid. Use a relative path with '/' between its parts and no '.' or '..', "
            "such as 'outputs/model.pkl'."
        )
    return parts


def open_folder(root: Root, parts: Sequence[str], create: bool = False) -> int:
    """Open folder after folder by descriptor, without following links.

    Args:
        root: the first folder.
        parts: names of those below it, in order.
        create: make those that do not exist.

    Returns:
        The descriptor of the last one, which the caller closes.

    Raises:
        OSError: one of them does not exist, or is something else.
    """
    fd = os.open(root, _DIRECTORY)
    try:
        for part in parts:
            if create:
                try:  # noqa: SIM105 - see create_inside
                    os.mkdir(part, 0o700, dir_fd=fd)
                except FileExistsError:
                    pass
            below = os.open(part, _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd


def digest(file: BinaryIO) -> Tuple[str, int]:
    """Return the SHA-256 hash of the rest of a file as long as it is now, and its length."""
    import hashlib  # takes 3 ms, and ranks need no hashes

    made, size = hashlib.sha256(), 0
    left = os.fstat(file.fileno()).st_size - file.tell()  # one that still grows would never end
    while left > 0:
        chunk = file.read(min(_CHUNK, left))
        if not chunk:
            break
        made.update(chunk)
        size += len(chunk)
        left -= len(chunk)
    return made.hexdigest(), size
