"""Tells whether the file system of a run directory is full, and what the run holds of it."""

from __future__ import annotations

import itertools
import os

from trainshed.system.confined import walk

_LEFT = 1 << 16
"""With fewer free bytes than this, a file system counts as full."""
_FILES_COUNTED = 100_000


def sentence(run_dir: str) -> str:
    """Return a sentence that names the file system if it is full; ``""`` if it is not.

    Args:
        run_dir: the run directory.
    """
    try:
        facts = os.statvfs(run_dir)
    except OSError:
        return ""
    blocks, inodes = facts.f_bavail, facts.f_favail
    if os.geteuid() == 0:  # root may use what is kept back from others
        blocks, inodes = facts.f_bfree, facts.f_ffree
    if blocks * facts.f_frsize < _LEFT:
        what = "is full"
    elif facts.f_files and not inodes:
        what = "has no free inodes for further files"
    else:
        return ""
    counted = list(itertools.islice(walk(run_dir), _FILES_COUNTED))
    held = sum({found.st_ino: found.st_blocks * 512 for _, found in counted}.values())
    more = "more than " if len(counted) == _FILES_COUNTED else ""
    whole = facts.f_blocks * facts.f_frsize
    return (
        f"The file system at {_mount_point(run_dir)} ({_size(whole)}) {what}; this run holds {more}{_size(held)} of it "
        f"in {len(counted)} files."
    )


def _mount_point(path: str) -> str:
    path = os.path.realpath(path)
    while not os.path.ismount(path):
        path = os.path.dirname(path)
    return path


def _size(count: int) -> str:
    for unit, factor in (("GB", 1 << 30), ("MB", 1 << 20)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count >> 10} KB"
