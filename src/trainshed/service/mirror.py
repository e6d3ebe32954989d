"""The service's copy of every run directory, and the one way in which a run's files are read.

A run on this machine has its directory here, and the mirror is that directory. What a run elsewhere writes is fetched:
journal, phases and logs as they grow, outputs once they have settled, and everything before the run is Completed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from trainshed.errors import NotFoundException
from trainshed.machines.machine import FileFacts, Machine
from trainshed.spec import layout
from trainshed.system import confined

_PIECE = 4 << 20
_MOST_AT_ONCE = 1000
_TAIL_BYTES = 8192
_TAIL_LINES = 20
_OUTPUTS = "code/outputs/"


class Mirror:
    """The run directories as the service knows them.

    Args:
        runs: folder of the run directories.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._seen: dict[str, dict[str, tuple[int, int]]] = {}
        runs.mkdir(mode=0o700, exist_ok=True)

    def folder(self, run_id: str) -> Path:
        """Return where a run's files lie; the folder may not be there yet."""
        return self._runs / run_id

    # Reading and writing.

    def open(self, run_id: str, path: str) -> BinaryIO:
        """Open a file of a run.

        Args:
            run_id: the run.
            path: in the run directory, as :func:`trainshed.spec.layout.place_of` gives it.

        Raises:
            NotFoundException: it has no such file.
        """
        return confined.open_inside(self.folder(run_id), path)

    def read(self, run_id: str, path: str, offset: int, limit: int) -> bytes:
        """Return up to ``limit`` bytes of a file from ``offset`` on; none where there is no such file."""
        return confined.read_inside(self.folder(run_id), path, offset, limit)

    @contextlib.contextmanager
    def create(self, run_id: str, path: str) -> Iterator[BinaryIO]:
        """Add a file to a run; see :func:`trainshed.system.confined.create_inside`."""
        self.folder(run_id).mkdir(mode=0o700, parents=True, exist_ok=True)
        with confined.create_inside(self.folder(run_id), path, overwrite=False) as file:
            yield file

    def listing(self, run_id: str) -> Iterator[tuple[str, os.stat_result]]:
        """Yield every file of a run by the name that users know it by, with its stat; links are left out."""
        for prefix, folder in (*layout.ROOTS, ("", layout.ARTIFACTS + "/")):
            for relative, facts in confined.walk(str(self.folder(run_id) / folder)):
                yield prefix + relative, facts
        for prefix, folder in layout.EVENTS:
            for relative, facts in confined.walk(str(self.folder(run_id) / folder)):
                if layout.is_event_file(relative):
                    yield prefix + relative, facts

    def manifest(self, run_id: str) -> list[tuple[str, int, str, float]]:
        """Return ``(name, size in bytes, sha256, modified)`` of every file of a run that has ended."""
        rows = []
        for name, _ in self.listing(run_id):
            with contextlib.suppress(NotFoundException), self.open(run_id, layout.place_of(name)) as file:
                digest, size = confined.digest(file)
                rows.append((name, size, digest, os.fstat(file.fileno()).st_mtime))
        return rows

    def tail(self, run_id: str, path: str) -> str:
        """Return the last lines of a text file of a run, for people."""
        try:
            with self.open(run_id, path) as file:
                file.seek(max(file.seek(0, 2) - _TAIL_BYTES, 0))
                text = file.read().decode("utf-8", errors="replace")
        except NotFoundException:
            return ""
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def clean(self, run_id: str) -> list[str]:
        """Delete the working files of a run, its code and its data, but not outputs, logs and TensorBoard's files.

        Returns:
            Names of what was deleted, relative to the run directory.
        """
        run_dir = self.folder(run_id)
        code, data = run_dir / layout.CODE, run_dir / layout.DATA
        kept = {folder.split("/")[1] for _, folder in (*layout.ROOTS, *layout.EVENTS) if folder.startswith("code/")}
        gone = [path for path in (sorted(code.iterdir()) if code.is_dir() else ()) if path.name not in kept]
        gone += [data] if data.is_dir() else []
        for path in gone:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        return [path.relative_to(run_dir).as_posix() for path in gone]

    # Filling it from a machine elsewhere.

    def follow(self, machine: Machine, run_ids: list[str]) -> set[str]:
        """Fetch what the growing files of running runs have gained.

        Args:
            machine: where they run.
            run_ids: the runs.

        Returns:
            Those that had something new.
        """
        asked = {run_id: self._sizes(run_id) for run_id in run_ids}
        told = machine.appended(asked)
        for run_id, pieces in told.items():
            with self._locks[run_id]:
                now = self._sizes(run_id)
                self.folder(run_id).mkdir(mode=0o700, parents=True, exist_ok=True)
                for path, piece in pieces.items():
                    # Unless the file has been fetched as a whole meanwhile.
                    if now.get(path, 0) == asked[run_id].get(path, 0):
                        confined.append_inside(self.folder(run_id), path, piece)
                        self._link_second(run_id, path)
        return {run_id for run_id, pieces in told.items() if pieces}

    def _sizes(self, run_id: str) -> dict[str, int]:
        run_dir, sizes = str(self.folder(run_id)), {}
        for path in (layout.PHASES, layout.JOURNAL):
            with contextlib.suppress(OSError):
                sizes[path] = os.lstat(os.path.join(run_dir, path)).st_size
        for _, folder in (*layout.ROOTS, *layout.EVENTS):
            if folder != _OUTPUTS:
                sizes.update(
                    (folder + relative, facts.st_size)
                    for relative, facts in confined.walk(os.path.join(run_dir, folder))
                )
        return sizes

    def settle(self, machine: Machine, run_id: str) -> None:
        """Fetch those outputs of a running run that have not changed since the last look at them.

        Args:
            machine: where it runs.
            run_id: the run.
        """
        lock = self._locks[run_id + _OUTPUTS]
        if not lock.acquire(blocking=False):
            return  # the last time is not over yet
        try:
            now = {each.path: each for each in machine.files(run_id) if each.path.startswith(_OUTPUTS)}
            before = self._seen.get(run_id, {})
            self._seen[run_id] = {path: (each.size, each.mtime_ns) for path, each in now.items()}
            self._drop(run_id, before.keys() - now.keys())
            quiet = [each for path, each in now.items() if before.get(path) == (each.size, each.mtime_ns)]
            self._fetch(machine, run_id, [each for each in quiet if not self._has(run_id, each)])
        finally:
            lock.release()

    def complete(self, machine: Machine, run_id: str) -> None:
        """Fetch everything that a run which has ended has left, byte for byte.

        Args:
            machine: where it ran.
            run_id: the run.
        """
        with self._locks[run_id], self._locks[run_id + _OUTPUTS]:
            there = machine.files(run_id, digests=True)
            first = {each.inode: each.path for each in reversed(there)}
            files = [each for each in there if first[each.inode] == each.path]
            sizes = self._sizes(run_id)
            for each in files:
                self._catch_up(machine, run_id, each, sizes.get(each.path, 0))
            self._fetch(machine, run_id, [each for each in files if not self._has(run_id, each)])
            for each in there:
                if first[each.inode] != each.path:
                    self._link(run_id, first[each.inode], each.path)
            self._drop(run_id, self._seen.pop(run_id, {}).keys() - {each.path for each in there})
        self._locks.pop(run_id, None)
        self._locks.pop(run_id + _OUTPUTS, None)

    def _catch_up(self, machine: Machine, run_id: str, facts: FileFacts, offset: int) -> None:
        """Fetch what is lacking of a file that has grown."""
        while 0 < offset < facts.size:
            piece = machine.read(run_id, [(facts.path, offset, min(facts.size - offset, _PIECE))])[0]
            if not piece:
                return
            confined.append_inside(self.folder(run_id), facts.path, piece)
            offset += len(piece)

    def _has(self, run_id: str, facts: FileFacts) -> bool:
        """Tell whether a file is here as it is on its machine."""
        try:
            with self.open(run_id, facts.path) as file:
                here = os.fstat(file.fileno())
                if here.st_size != facts.size:
                    return False
                return confined.digest(file)[0] == facts.sha256 if facts.sha256 else here.st_mtime_ns == facts.mtime_ns
        except NotFoundException:
            return False

    def _fetch(self, machine: Machine, run_id: str, files: list[FileFacts]) -> None:
        """Fetch whole files, many small ones at once."""
        self.folder(run_id).mkdir(mode=0o700, parents=True, exist_ok=True)
        some: list[FileFacts] = []
        size = 0
        for each in files:
            if some and (size + each.size > _PIECE or len(some) >= _MOST_AT_ONCE):
                self._fetch_some(machine, run_id, some)
                some, size = [], 0
            some.append(each)
            size += each.size
        self._fetch_some(machine, run_id, some)

    def _fetch_some(self, machine: Machine, run_id: str, files: list[FileFacts]) -> None:
        """Fetch files, in one piece each but for a large one that is alone."""
        firsts = machine.read(run_id, [(each.path, 0, min(each.size, _PIECE)) for each in files]) if files else []
        for facts, first in zip(files, firsts, strict=True):
            with confined.create_inside(self.folder(run_id), facts.path, overwrite=True) as file:
                offset = file.write(first)
                while 0 < offset < facts.size:
                    rest = (facts.path, offset, min(facts.size - offset, _PIECE))
                    size = file.write(machine.read(run_id, [rest])[0])
                    offset = offset + size if size else facts.size  # it has become shorter meanwhile
                file.flush()
                os.utime(file.fileno(), ns=(facts.mtime_ns, facts.mtime_ns))

    def _link(self, run_id: str, path: str, second: str) -> None:
        target = self.folder(run_id) / second
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(self.folder(run_id) / path, target)

    def _link_second(self, run_id: str, path: str) -> None:
        """Give a log that has two names where it is written the second one here, too."""
        second = layout.second_name(path)
        if second and not (self.folder(run_id) / second).exists():
            self._link(run_id, path, second)

    def _drop(self, run_id: str, paths: Iterable[str]) -> None:
        """Delete what the script has deleted."""
        for path in paths:
            (self.folder(run_id) / path).unlink(missing_ok=True)
