"""Removal of files: they are renamed before they are deleted, so an interrupted removal leaves nothing incomplete."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from trainshed.system.removal import remove_inside

NAME = ".trash"
_BLOCK = 512


class Trash:
    """What is being removed from a folder.

    Args:
        folder: the folder. The trash is inside it, and so on the same file system.

    Example:
        >>> trash = Trash(Path("/tmp/trainshed-example"))
        >>> trash.put(Path("/tmp/trainshed-example/nothing"))
        False
        >>> trash.empty()
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / NAME

    def put(self, path: Path) -> bool:
        """Move a file or a folder to the trash; return whether it existed."""
        with contextlib.suppress(FileNotFoundError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path.rename(self._folder / f"{secrets.token_hex(4)}-{path.name}"[:255])
            return True
        return False

    def empty(self) -> None:
        """Delete what is in the trash, including what an earlier removal left.

        What cannot be deleted stays there, such as files that a container wrote as another user.
        """
        for path in self.content():
            remove_inside(self._folder, path.name)

    def content(self) -> list[Path]:
        """Return the contents of the trash."""
        return sorted(self._folder.iterdir()) if self._folder.is_dir() else []


def usage(*paths: Path, alone: bool = False) -> int:
    """Return the disk space that files and folders use; a file with several names counts once.

    Args:
        paths: missing ones use none.
        alone: ignore files that have another name elsewhere: removing these paths would not free their space.

    Example:
        >>> usage(Path("/nowhere/at/all"))
        0
    """
    size, linked = 0, dict[tuple[int, int], tuple[int, os.stat_result]]()
    for facts in _facts(paths):
        if stat.S_ISDIR(facts.st_mode) or facts.st_nlink == 1:
            size += facts.st_blocks * _BLOCK
        else:
            names, _ = linked.get((facts.st_dev, facts.st_ino), (0, facts))
            linked[facts.st_dev, facts.st_ino] = names + 1, facts
    return size + sum(
        facts.st_blocks * _BLOCK for names, facts in linked.values() if not alone or names == facts.st_nlink
    )


def _facts(paths: tuple[Path, ...]) -> Iterator[os.stat_result]:
    pending = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            facts = os.lstat(path)
            yield facts
            if stat.S_ISDIR(facts.st_mode):
                pending.append(os.fspath(path))
    while pending:
        # Files that disappear meanwhile or cannot be accessed count as 0.
        with contextlib.suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    yield entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
