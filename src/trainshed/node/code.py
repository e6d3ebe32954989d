"""Writes the source snapshot into the run's working folder."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Optional, Tuple

from trainshed.errors import NotFoundException

_CHUNK = 1 << 20


def materialise(snapshots: str, tree: Optional[str], into: str) -> None:
    """Write the files of a snapshot to a new folder.

    They are copies, so a script may change its files without changing the snapshot that other runs share.

    Args:
        snapshots: the snapshot store: ``packs/<id>`` and ``trees/<id>.json``.
        tree: id of the snapshot; None for an empty folder.
        into: folder to create; it may exist from an interrupted attempt.

    Raises:
        NotFoundException: the store lacks the tree or one of its packs.
    """
    os.makedirs(into, mode=0o700, exist_ok=True)
    made = {into}
    record = _tree(snapshots, tree) if tree else {"entries": [], "contents": {}}
    packs = _Packs(os.path.join(snapshots, "packs"), record["contents"])
    try:
        for entry in record["entries"]:
            path = os.path.join(into, entry["path"])
            folder = path if entry["kind"] == "dir" else os.path.dirname(path)
            if folder not in made:
                os.makedirs(folder, mode=0o700, exist_ok=True)
                made.add(folder)
            if entry["kind"] == "file":
                packs.copy(entry, path)
            elif entry["kind"] == "link" and not os.path.lexists(path):
                os.symlink(entry["target"], path)
    finally:
        packs.close()


def _tree(snapshots: str, tree: str) -> Dict[str, Any]:
    try:
        with open(os.path.join(snapshots, "trees", f"{tree}.json"), encoding="utf-8") as file:
            record: Dict[str, Any] = json.load(file)
    except FileNotFoundError:
        raise NotFoundException(f"Source snapshot {tree} is no longer in the store. Submit the run again.") from None
    return record


class _Packs:
    """The packs of a snapshot, each opened once."""

    def __init__(self, folder: str, contents: Dict[str, Tuple[str, int]]) -> None:
        self._folder = folder
        self._contents = contents
        self._open: Dict[str, int] = {}

    def close(self) -> None:
        for fd in self._open.values():
            os.close(fd)

    def copy(self, entry: Dict[str, Any], target: str) -> None:
        pack, start = self._contents[entry["sha256"]]
        if pack not in self._open:
            try:
                self._open[pack] = os.open(os.path.join(self._folder, pack), os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                raise NotFoundException(
                    f"The content of '{entry['path']}' is missing from the snapshot store. Submit the run again."
                ) from None
        goal = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, entry["mode"])
        try:
            _pump(self._open[pack], start, goal, entry["size"])
        finally:
            os.close(goal)


def _pump(origin: int, start: int, goal: int, size: int) -> None:
    """Copy inside the kernel if possible, otherwise by reads and writes."""
    end = start + size
    try:
        while start < end:
            done = os.copy_file_range(origin, goal, end - start, start)  # type: ignore[attr-defined,unused-ignore]
            if done == 0:
                break
            start += done
    except (AttributeError, OSError):
        while start < end:
            chunk = os.pread(origin, min(_CHUNK, end - start), start)
            if not chunk:
                break
            start += len(chunk)
            while chunk:
                chunk = chunk[os.write(goal, chunk) :]
    if start < end:
        raise NotFoundException("A pack of the snapshot store is incomplete. Submit the run again.")
