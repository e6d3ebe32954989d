"""Garbage collection: removes what no run needs any more, each item completely or not at all.

Anything used within the hour is kept. A submit marks what it uses (:meth:`Snapshots.use`, :meth:`Packs.use`) before its
run is in the history, so it cannot lose its source to a concurrent collection.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from trainshed.data import addresses
from trainshed.environments.cache import downloads, listed, prune
from trainshed.errors import MachineUnreachableException, UserErrorException
from trainshed.service.garbage_elsewhere import GarbageElsewhere
from trainshed.service.verification import MLFLOW
from trainshed.spec import layout
from trainshed.store.packs import used_since
from trainshed.store.removal import Limits, Removal
from trainshed.store.snapshots import Snapshots
from trainshed.store.trash import NAME, Trash, usage

_HOUR, _DAY = 3600.0, 86_400.0
_RUNTIME_DAYS = 30.0
"""Age after which an unused runtime tree is removed; runs of other workspaces may still use a younger one."""


Discard = Callable[[str, str], None]


class Garbage(NamedTuple):
    """An item that is removed.

    Attributes:
        kind: ``"leftovers"``, ``"runs"``, ``"snapshots"``, ``"environments"``, ``"caches"``, ``"downloads"``, or
            ``"undeletable"``: a path that could not be deleted; ``"unreached"``: a machine on which nothing could be.
        name: its path below the workspace or Trainshed's home, on another machine after the name of its target.
        size: bytes of disk space that its removal frees.
    """

    kind: str
    name: str
    size: int


class Request(NamedTuple):
    """What to collect.

    Attributes:
        runs: which runs to remove; by default none.
        unused_days: remove environments and caches that were unused for this many days.
        downloads: whether to remove downloaded packages.
        dry_run: only report what would be removed.
    """

    runs: Limits = Limits()
    unused_days: float = 30.0
    downloads: bool = False
    dry_run: bool = False


class GarbageCollector:
    """Removes what nothing refers to, and the requested runs.

    Args:
        root: the workspace folder.
        home: Trainshed's home on this machine.
        removal: removes runs from the history.
        snapshots: the store of sources.
        runtime: the runtime tree that this service gives to runs.
        discard: deletes what a run has left on the machine of a target; called with both.
        elsewhere: collects garbage on other machines.
    """

    def __init__(
        self,
        root: Path,
        home: Path,
        removal: Removal,
        snapshots: Snapshots,
        runtime: Path,
        discard: Discard,
        elsewhere: GarbageElsewhere,
    ) -> None:
        self._elsewhere = elsewhere
        self._root = root
        self._home = home
        self._discard = discard
        self._removal = removal
        self._snapshots = snapshots
        self._runtime = runtime
        self._runs = Trash(root / "runs")
        self._models = Trash(root / "models")
        self._logged_models = Trash(root / MLFLOW)
        self._runtimes = Trash(home / "runtime")
        self._shared = Trash(home)
        self._working = threading.Lock()
        os.utime(runtime)
        # This shows the collectors of other workspaces that it is in use.
        self._hold = os.open(runtime, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._hold, fcntl.LOCK_SH)

    def close(self) -> None:
        """Release the runtime tree."""
        os.close(self._hold)

    def remove_run(self, run_id: str, children: bool) -> list[str]:
        """Remove a run that has ended: its rows and its run directory; models registered from it are kept.

        Args:
            run_id: the run.
            children: remove its descendants too.

        Returns:
            The ids of all removed runs.

        Raises:
            NotFoundException: no such run.
            UserErrorException: it, or a child, has not ended; or it has children and ``children`` is false.
            MachineUnreachableException: the machine where it ran cannot be reached; nothing was removed.
        """
        # Files on other machines first: until the rows are deleted, the run is complete without them.
        for each, target in self._removal.check(run_id, children).items():
            self._discard(each, target)
        # Directories without a row are garbage: the next collection removes what a kill leaves here.
        gone = self._removal.delete(run_id, children)
        for each in gone:
            self._runs.put(self._root / "runs" / each)
        self._runs.empty()
        return gone

    def collect(self, request: Request) -> Iterator[Garbage]:
        """Remove garbage, and yield each item once it is removed.

        Args:
            request: what to collect.

        Raises:
            UserErrorException: another collection is running.
        """
        if not self._working.acquire(blocking=False):
            raise UserErrorException("A garbage collection is already running. Wait until it has ended.")
        try:
            yield from self._leftovers(request.dry_run)
            going: set[str] = set()
            yield from self._old_runs(request, going)
            yield from self._old_snapshots(request, going)
            yield from self._old_environments(request)
            yield from self._old_caches(request)
            if request.downloads:
                yield from self._downloads(request.dry_run)
            found = self._elsewhere.collect(request.unused_days, request.downloads, request.dry_run)
            yield from (Garbage(*each) for each in found)
            if not request.dry_run:
                yield from self._in_trash("undeletable")
        finally:
            self._working.release()

    def _old_runs(self, request: Request, going: set[str]) -> Iterator[Garbage]:
        for root, members in self._removal.candidates(request.runs):
            sizes = [usage(self._root / "runs" / run_id) for run_id in members]
            if not request.dry_run:
                try:
                    self.remove_run(root, children=True)
                except (UserErrorException, MachineUnreachableException):
                    continue  # it has got a running child meanwhile, or its machine cannot be reached
            going.update(members)
            for run_id, size in zip(members, sizes, strict=True):
                yield Garbage("runs", f"runs/{run_id}", size)

    def _old_snapshots(self, request: Request, going: set[str]) -> Iterator[Garbage]:
        needed = self._removal.needed_snapshots(but=going)
        for name, size in self._snapshots.remove(needed, time.time() - _HOUR, request.dry_run):
            yield Garbage("snapshots", f"snapshots/{name}", size)
        if not request.dry_run:
            self._snapshots.trash.empty()

    def _old_environments(self, request: Request) -> Iterator[Garbage]:
        oldest = time.time() - request.unused_days * _DAY
        found = [one["key"] for one in listed(self._home) if one["used"] <= oldest]
        sizes = {key: usage(self._home / "environments" / key, alone=True) for key in found}
        for key in sizes if request.dry_run else prune(self._home, request.unused_days):
            yield Garbage("environments", f"environments/{key}", sizes.get(key, 0))

    def _old_caches(self, request: Request) -> Iterator[Garbage]:
        before = time.time() - request.unused_days * _DAY
        indexes = sorted((self._root / "index").glob("*.json"))
        images = sorted((self._home / "images").glob("*.json"))
        copies = sorted(self._root.glob("history.db.format-*"))
        for path in [*indexes, *images, *copies]:
            if not used_since(path, before):
                yield from self._remove("caches", [path], None, request.dry_run)
        yield from self._remove("caches", self._old_runtimes(), self._runtimes, request.dry_run)
        yield from self._remove("caches", self._old_web_files(before), self._shared, request.dry_run)

    def _downloads(self, dry_run: bool) -> Iterator[Garbage]:
        paths = [path for path in downloads_of(self._home) if path.is_dir()]
        sizes = [usage(path, alone=True) for path in paths]
        with downloads(self._home, shared=False) as idle:
            if not idle:
                raise UserErrorException("An environment is being built from the downloads. Remove them later.")
            if not dry_run:
                for path in paths:
                    self._shared.put(path)
        self._shared.empty()
        for path, size in zip(paths, sizes, strict=True):
            yield Garbage("downloads", path.name, size)

    def _old_web_files(self, before: float) -> Iterator[Path]:
        """Yield the unused web files: all that is kept of an address, or a content that has been replaced."""
        in_use = {name for run_id in self._removal.active() for name in _web_files(self._root / "runs" / run_id)}
        for address in sorted((self._home / addresses.FOLDER).glob("*")):
            if address.name in in_use:
                continue
            if not _touched_since(address, before):
                yield address
            else:
                yield from (path for path in address.iterdir() if path.is_dir() and not _touched_since(path, before))

    def _old_runtimes(self) -> Iterator[Path]:
        """Yield the runtime trees that no service and no run of this workspace uses."""
        before = time.time() - _RUNTIME_DAYS * _DAY
        # As text: a tree whose name occurs anywhere in it counts as used.
        specs = [_text(self._root / "runs" / run_id / layout.SPEC) for run_id in self._removal.active()]
        for path in sorted((self._home / "runtime").iterdir()):
            if path == self._runtime or any(path.name in spec for spec in specs):
                continue
            if path.name != NAME and not used_since(path, before) and not _held(path):
                yield path

    def _leftovers(self, dry_run: bool) -> Iterator[Garbage]:
        """Remove what was being written or removed when a client or a service was killed."""
        yield from self._in_trash("leftovers")
        if not dry_run:
            for trash in self._trashes():
                trash.empty()
        runs = self._root / "runs"
        there = [path.name for path in sorted(runs.iterdir()) if path.is_dir() and path.name != NAME]
        # A run is in the history before its directory is created, so runs created meanwhile are known too.
        known = self._removal.known(there)
        yield from self._remove("leftovers", [runs / name for name in there if name not in known], self._runs, dry_run)
        yield from self._remove("leftovers", self._snapshots.packs.forgotten(), self._snapshots.trash, dry_run)
        models = self._root / "models"
        kept, day_ago = self._removal.model_folders(), time.time() - _DAY
        uploads = [path for path in (sorted(models.iterdir()) if models.is_dir() else ()) if path.name not in kept]
        forgotten = [path for path in uploads if path.name != NAME and not _touched_since(path, day_ago)]
        yield from self._remove("leftovers", forgotten, self._models, dry_run)
        folder = self._root / MLFLOW
        logged = [path for path in (sorted(folder.iterdir()) if folder.is_dir() else ()) if path.name != NAME]
        known = self._removal.logged_models()
        deleted = [path for path in logged if path.name not in known]
        yield from self._remove("leftovers", deleted, self._logged_models, dry_run)

    def _trashes(self) -> tuple[Trash, ...]:
        return self._runs, self._snapshots.trash, self._models, self._logged_models, self._runtimes, self._shared

    def _in_trash(self, kind: str) -> Iterator[Garbage]:
        for trash in self._trashes():
            for path in trash.content():
                yield Garbage(kind, str(path), usage(path))

    def _remove(self, kind: str, paths: Iterable[Path], trash: Trash | None, dry_run: bool) -> Iterator[Garbage]:
        for path in paths:
            size = usage(path, alone=True)
            if not dry_run and trash is None:
                path.unlink(missing_ok=True)
            elif not dry_run and trash is not None:
                trash.put(path)
                trash.empty()
            yield Garbage(kind, "/".join(path.parts[-2:]), size)


def downloads_of(home: Path) -> tuple[Path, Path]:
    """Return the folders of downloaded packages, with which environments on the same disk share files."""
    return home / "uv-cache", home / "conda-cache"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _web_files(run_dir: Path) -> Iterator[str]:
    """Yield the names of the folders for the web files that a run uses."""
    with contextlib.suppress(ValueError, KeyError):  # damaged
        for item in json.loads(_text(run_dir / layout.SPEC))["spec"]["inputs"]:
            for place in json.loads(item["definition"])["paths"]:
                if "url" in place:
                    yield addresses.folder_of(place["url"])


def _held(folder: Path) -> bool:
    """Tell whether a service uses a runtime tree."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _touched_since(folder: Path, before: float) -> bool:
    """Tell whether anything in a folder was written since a time."""
    return used_since(folder, before) or any(used_since(path, before) for path in folder.rglob("*"))
