"""Lay out the source snapshot in the run's working folder."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, Optional

from trainshed.errors import NotFoundException

_CHUNK = 1 << 20


def materialise(snapshots: str, tree: Optional[str], into: str) -> None:
    """Write the files of a snapshot below a new folder.

    They are copies (clones where the file system can): a script may write to its own files without
    changing the snapshot that other runs share.

    Args:
        snapshots: the snapshot store: ``objects/ab/cdef…`` and ``trees/<id>.json``.
        tree: id of the snapshot; None for an empty folder.
        into: folder to make; it may exist from an interrupted try.

    Raises:
        NotFoundException: the store lacks the tree or one of its objects.
    """
    os.makedirs(into, exist_ok=True)
    made = {into}
    for entry in _entries(snapshots, tree) if tree else ():
        path = os.path.join(into, entry["path"])
        folder = path if entry["kind"] == "dir" else os.path.dirname(path)
        if folder not in made:
            os.makedirs(folder, exist_ok=True)
            made.add(folder)
        if entry["kind"] == "link":
            if not os.path.lexists(path):
                os.symlink(entry["target"], path)
        elif entry["kind"] == "file":
            sha = entry["sha256"]
            _copy(os.path.join(snapshots, "objects", sha[:2], sha[2:]), path, entry)


def _entries(snapshots: str, tree: str) -> List[Dict[str, Any]]:
    try:
        with open(os.path.join(snapshots, "trees", f"{tree}.json"), encoding="utf-8") as file:
            entries: List[Dict[str, Any]] = json.load(file)["entries"]
    except FileNotFoundError:
        raise NotFoundException(f"Source snapshot {tree} is not in the store any more; submit the run again.") from None
    return entries


def _copy(source: str, target: str, entry: Dict[str, Any]) -> None:
    try:
        origin = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise NotFoundException(
            f"The content of '{entry['path']}' is missing from the snapshot store; submit the run again."
        ) from None
    try:
        goal = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, entry["mode"])
        try:
            _pump(origin, goal, entry["size"])
        finally:
            os.close(goal)
    finally:
        os.close(origin)


def _pump(origin: int, goal: int, size: int) -> None:
    """Copy inside the kernel where it can, by reads and writes elsewhere."""
    left = size
    try:
        while left > 0:
            done = os.copy_file_range(origin, goal, left)  # type: ignore[attr-defined,unused-ignore]
            if done == 0:
                break
            left -= done
    except (AttributeError, OSError):
        while True:
            chunk = os.read(origin, _CHUNK)
            if not chunk:
                return
            while chunk:
                chunk = chunk[os.write(goal, chunk) :]
