"""Room on a disk that is kept for what must be written even if the disk is full: how runs ended."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

SIZE = 4 << 20
LAST = 1 << 20
"""Bytes kept back for what is urgent when the rest is given up."""
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Reserve:
    """A file that occupies the room until it is needed.

    Args:
        path: the file, in the folder for which the room is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        try:
            self._kept = min(path.lstat().st_size, SIZE)
        except OSError:
            self._kept = 0

    def keep(self) -> bool:
        """Keep the room, again if it had been given up.

        Returns:
            Whether it is kept, and the disk has room for other things too.
        """
        free = _free(self._path.parent)
        with self._lock:
            if self._kept < SIZE and free >= 2 * SIZE:
                self._kept = self._allocated()
            return self._kept >= SIZE and free >= LAST

    def give(self, urgent: bool) -> bool:
        """Give up most of the room, or all of it.

        Args:
            urgent: give up all of it.

        Returns:
            Whether there is more room now.
        """
        left = 0 if urgent else LAST
        with self._lock:
            if self._kept <= left:
                return False
            try:
                os.truncate(self._path, left)
            except OSError:
                return False
            self._kept = left
            return True

    def _allocated(self) -> int:
        """Make the file as large as it is to be, really occupying the disk; return how much is kept."""
        try:
            fd = os.open(self._path, _FLAGS, 0o600)
            try:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(fd, 0, SIZE)
                else:
                    os.pwrite(fd, bytes(SIZE), 0)
            finally:
                os.close(fd)
        except OSError as error:
            # Where a file system cannot keep room, there is none to give up, and new runs are accepted.
            return self._kept if error.errno in _NO_ROOM else SIZE
        return SIZE


def _free(folder: Path) -> int:
    facts = os.statvfs(folder)
    return facts.f_frsize * (facts.f_bavail if os.geteuid() else facts.f_bfree)
