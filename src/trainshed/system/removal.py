"""Removes what is below a folder in which somebody else writes as well, whatever it is and however deep."""

from __future__ import annotations

import os
import stat

from trainshed.errors import TYPE_CHECKING
from trainshed.system.confined import open_folder, parts_of, unlink

if TYPE_CHECKING:
    from typing import List


def remove_inside(root: str | os.PathLike[str], relative: str) -> bool:
    """Remove a file, or a folder with all that is in it; links are removed, not followed.

    Args:
        root: the folder to stay in.
        relative: as for :func:`trainshed.system.confined.open_inside`.

    Returns:
        Whether nothing of it is left.
    """
    *folders, name = parts_of(relative)
    try:
        folder = open_folder(root, folders)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    try:
        return _removed(name, folder)
    except OSError:
        return False
    finally:
        os.close(folder)


def _removed(name: str, folder: int) -> bool:
    if unlink(name, folder):
        return True
    top = _let_in(name, folder)
    try:
        pending = os.listdir(top)
        while pending:
            one = pending.pop()
            if not unlink(one, top):
                pending += _emptied(one, top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=folder)
    return True


def _emptied(name: str, top: int) -> List[str]:
    """Remove a folder; the folders in it are moved to the top, so that neither a path nor a recursion gets long.

    Returns:
        Their names there.
    """
    moved: List[str] = []
    fd = _let_in(name, top)
    try:
        for below in os.listdir(fd):
            if not unlink(below, fd):
                os.close(_let_in(below, fd))  # else it could not be moved
                moved.append(f".{os.urandom(8).hex()}")
                os.rename(below, moved[-1], src_dir_fd=fd, dst_dir_fd=top)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=top)
    return moved


def _let_in(name: str, folder: int) -> int:
    """Open a folder that is to be removed; a script may have taken the permissions from its own."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(name, flags, dir_fd=folder)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=folder)
        fd = os.open(name, flags, dir_fd=folder)
    if stat.S_IMODE(os.fstat(fd).st_mode) & 0o700 != 0o700:
        os.fchmod(fd, 0o700)
    return fd
