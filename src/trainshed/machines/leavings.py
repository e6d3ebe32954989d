"""What runs have left in Trainshed's folder on a machine, and what of it is removed: each thing as a whole."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import Iterator, List, Sequence

from trainshed.environments.cache import downloads, listed, prune
from trainshed.machines.machine import Left
from trainshed.system.removal import remove_inside

_BLOCK = 512
_DAY = 86_400.0
_HOUR = 3600.0


class Leavings:
    """The folder of one workspace on this machine, and what it shares with others.

    Args:
        home: Trainshed's home on this machine.
        runs: folder of the run directories.
        snapshots: the store of contents and trees.
    """

    def __init__(self, home: str, runs: str, snapshots: str) -> None:
        self._home = Path(home)
        self._runs = runs
        self._snapshots = snapshots

    def run_names(self) -> List[str]:
        """Return the names of the run directories."""
        return sorted(os.listdir(self._runs))

    def collect(self, runs: Sequence[str], unused_days: float, with_downloads: bool, dry_run: bool) -> List[Left]:
        """Remove what is not needed, and return what that was; see :meth:`Machine.collect`."""
        found = list(self._old_runs(runs, dry_run))
        found += self._old_contents(time.time() - max(unused_days * _DAY, _HOUR), dry_run)
        found += self._old_environments(unused_days, dry_run)
        found += self._old_kits(time.time() - max(unused_days * _DAY, _HOUR), dry_run)
        return found + (list(self._downloads(dry_run)) if with_downloads else [])

    def _old_runs(self, runs: Sequence[str], dry_run: bool) -> Iterator[Left]:
        for name in runs:
            size = _usage(os.path.join(self._runs, name))
            if dry_run or remove_inside(self._runs, name):
                yield "runs", f"runs/{name}", size

    def _old_contents(self, before: float, dry_run: bool) -> Iterator[Left]:
        """Remove contents and trees that no submit has used for some time: the next one sends them again."""
        for folder in ("packs", "trees"):
            root = os.path.join(self._snapshots, folder)
            for name in sorted(os.listdir(root)) if os.path.isdir(root) else ():
                facts = os.lstat(os.path.join(root, name))
                if facts.st_mtime < before and (dry_run or remove_inside(root, name)):
                    yield "snapshots", f"snapshots/{folder}/{name}", facts.st_blocks * _BLOCK

    def _old_environments(self, unused_days: float, dry_run: bool) -> Iterator[Left]:
        oldest = time.time() - unused_days * _DAY
        sizes = {
            one["key"]: _usage(str(self._home / "environments" / one["key"]))
            for one in listed(self._home)
            if one["used"] <= oldest
        }
        for key in sizes if dry_run else prune(self._home, unused_days):
            yield "environments", f"environments/{key}", sizes.get(key, 0)

    def _old_kits(self, before: float, dry_run: bool) -> Iterator[Left]:
        """Remove node parts of other releases; a run of theirs may still need one, and so no agent for long."""
        root = str(self._home / "node")
        own = Path(__file__).parts
        for name in sorted(os.listdir(root)) if os.path.isdir(root) else ():
            path = os.path.join(root, name)
            if name in own or os.lstat(path).st_mtime >= before or _is_in_use(path):
                continue
            size = _usage(path)
            if dry_run or remove_inside(root, name):
                yield "caches", f"node/{name}", size

    def _downloads(self, dry_run: bool) -> Iterator[Left]:
        with downloads(self._home, shared=False) as idle:
            for name in ("uv-cache", "conda-cache") if idle else ():
                size = _usage(str(self._home / name))
                if size and (dry_run or remove_inside(self._home, name)):
                    yield "downloads", name, size


def _usage(path: str) -> int:
    """Return the disk space of a file or folder, without what has another name, too."""
    size, pending = 0, [path]
    while pending:
        each = pending.pop()
        try:
            facts = os.lstat(each)
            size += facts.st_blocks * _BLOCK if stat.S_ISDIR(facts.st_mode) or facts.st_nlink == 1 else 0
            if stat.S_ISDIR(facts.st_mode):
                pending += [os.path.join(each, name) for name in os.listdir(each)]
        except OSError:
            continue  # removed meanwhile, or not ours to see
    return size


def _is_in_use(kit: str) -> bool:
    """Tell whether a process runs from a node part, as far as can be seen."""
    try:
        pids = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return True
    for pid in pids:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if os.fsencode(kit) in file.read():
                    return True
        except OSError:
            continue
    return False
