"""The room for ``exit.json``: allocated before the script starts, because a script may fill the disk.

It ends with a note of how the script ended, which is written as soon as that is known. If the shim is killed before it
has renamed the file to ``exit.json``, the agent reads the note.
"""

from __future__ import annotations

import errno
import os

from trainshed.errors import TYPE_CHECKING
from trainshed.spec import layout
from trainshed.system import confined, files, jsons

if TYPE_CHECKING:
    from typing import Any, Dict

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_SIZE = layout.EXIT_ROOM_BYTES
_NOTE_AT = layout.EXIT_NOTE_AT


class ExitRoom:
    """The file of one run.

    Args:
        run_dir: the run directory.
    """

    def __init__(self, run_dir: str) -> None:
        self._run_dir = run_dir
        self._path = os.path.join(run_dir, layout.EXIT_ROOM)
        self._fd = -1

    def reserve(self) -> None:
        """Allocate it, if that has not been done, and keep it open.

        Raises:
            OSError: there is no room.
        """
        self._fd = confined.open_to_write(self._run_dir, layout.EXIT_ROOM)
        try:
            os.posix_fallocate(self._fd, 0, _SIZE)
        except (AttributeError, OSError) as error:  # not on every system, nor on every file system
            if getattr(error, "errno", 0) in NO_ROOM:
                self.close()
                raise
            _write_at(self._fd, b"\0" * _SIZE, 0)

    def close(self) -> None:
        """Close it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def note(self, how: Dict[str, Any]) -> None:
        """Note how the script ended.

        Args:
            how: what ``exit.json`` will say, so far as it is known.
        """
        text = jsons.dumps(how).encode()
        if self._fd >= 0 and len(text) < _SIZE - _NOTE_AT:
            _write_at(self._fd, text, _NOTE_AT)

    def write(self, how: Dict[str, Any]) -> None:
        """Write ``exit.json``, atomically and durably.

        Args:
            how: its content. Without space for more than the room, what is long is left out.

        Raises:
            OSError: it cannot be written.
        """
        target = os.path.join(self._run_dir, layout.EXIT)
        if os.path.islink(self._run_dir):
            raise NotADirectoryError(self._run_dir)
        try:
            if not self._fill(jsons.dumps(how).encode(), target):
                files.write(target, jsons.dumps(how), durable=True)
        except OSError as error:
            short = {name: value for name, value in how.items() if name not in ("trace", "details", "environment")}
            short["message"] = short.get("message", "")[: _NOTE_AT >> 3]
            if error.errno not in NO_ROOM or not self._fill(jsons.dumps(short).encode(), target):
                raise

    def _fill(self, text: bytes, target: str) -> bool:
        """Write in place and rename; False if the file is not there any more."""
        if self._fd < 0 or not _same(self._fd, self._path):
            return False
        _write_at(self._fd, text + b"\0", 0)
        os.ftruncate(self._fd, len(text))
        os.fsync(self._fd)
        os.replace(self._path, target)
        files.sync_folder(self._run_dir)
        return True


def _same(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path, follow_symlinks=False))
    except OSError:
        return False


def _write_at(fd: int, data: bytes, offset: int) -> None:
    while data:
        done = os.pwrite(fd, data, offset)
        data, offset = data[done:], offset + done
