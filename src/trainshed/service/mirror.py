"""The service's copy of every run directory, and the one way in which a run's files are read.

A run on this machine has its directory here, and the mirror is that directory. What a run elsewhere writes is fetched:
journal, phases and logs as they grow, outputs once they have settled, and everything before the run is Completed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from trainshed.errors import NotFoundException, TrainshedError, UserErrorException
from trainshed.machines.machine import FileFacts, Machine
from trainshed.spec import layout
from trainshed.system import confined, odd_files
from trainshed.system.removal import remove_inside

log = logging.getLogger("trainshed.service")
LeftOut = Callable[[str, str], None]
_PIECE = 4 << 20
_MOST_AT_ONCE = 1000
_TAIL_BYTES = 8192
_TAIL_LINES = 20
_OUTPUTS = "code/outputs/"
_KEPT = (_OUTPUTS, f"{layout.ARTIFACTS}/")


class Mirror:
    """The run directories as the service knows them.

    Args:
        runs: folder of the run directories.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._seen: dict[str, dict[str, tuple[int, int]]] = {}
        self._not_fetched: dict[str, list[tuple[str, str]]] = {}
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
        """Return up to ``limit`` bytes of a file from ``offset`` on; none where it cannot be read."""
        try:
            with self.open(run_id, path) as file:
                if odd_files.sparse(file):
                    return b""
                file.seek(offset)
                return file.read(limit)
        except (TrainshedError, OSError, ValueError, OverflowError):
            return b""

    @contextlib.contextmanager
    def create(self, run_id: str, path: str) -> Iterator[BinaryIO]:
        """Add a file to a run; see :func:`trainshed.system.confined.create_inside`."""
        self._make_folder(run_id)
        with confined.create_inside(self.folder(run_id), path, overwrite=False) as file:
            yield file

    def listing(self, run_id: str, left_out: LeftOut | None = None) -> Iterator[tuple[str, os.stat_result]]:
        """Yield every file of a run by the name that users know it by, with its stat.

        Args:
            run_id: the run.
            left_out: called with the name of everything else that is in the place of files, and why it is none.
        """
        for prefix, folder in (*layout.ROOTS, ("", layout.ARTIFACTS + "/")):
            yield from self._walk(run_id, prefix, folder, left_out)
        for prefix, folder in layout.EVENTS:
            yield from (each for each in self._walk(run_id, prefix, folder, None) if layout.is_event_file(each[0]))

    def _walk(
        self, run_id: str, prefix: str, folder: str, left_out: LeftOut | None
    ) -> Iterator[tuple[str, os.stat_result]]:
        tell = left_out and (lambda name, reason: left_out(prefix + name, reason))
        for relative, facts in confined.walk(self.folder(run_id), folder, tell or None):
            yield prefix + relative, facts

    def manifest(self, run_id: str) -> tuple[list[tuple[str, int, str, float]], list[tuple[str, str]]]:
        """Take stock of the files of a run that has ended; nothing that a script has left makes this fail.

        Returns:
            ``(name, size in bytes, sha256, modified)`` of every file; and name and reason of what was not kept.
        """
        rows, left = [], odd_files.LeftOut()
        left.found += self._not_fetched.pop(run_id, [])
        for record in (layout.JOURNAL, layout.PHASES):
            left.add(record, odd_files.oddity(self.folder(run_id), record))
        for name, _ in self.listing(run_id, left.add):
            try:
                with self.open(run_id, layout.place_of(name)) as file:
                    if odd_files.sparse(file):
                        left.add(name, odd_files.SPARSE)
                        continue
                    digest, size = confined.digest(file)
                    rows.append((name, size, digest, os.fstat(file.fileno()).st_mtime))
            except NotFoundException as error:
                left.add(name, odd_files.why(error))
            except OSError as error:
                left.add(name, str(error.strerror))
        return rows, left.found

    def tail(self, run_id: str, path: str) -> str:
        """Return the last lines of a text file of a run, for people."""
        try:
            with self.open(run_id, path) as file:
                file.seek(max(file.seek(0, 2) - _TAIL_BYTES, 0))
                text = file.read().decode("utf-8", errors="replace")
        except (TrainshedError, OSError):
            return ""
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    def clean(self, run_id: str) -> list[str]:
        """Delete the working files of a run, its code and its data, but not outputs, logs and TensorBoard's files.

        Returns:
            Names of what was deleted, relative to the run directory.
        """
        run_dir = self.folder(run_id)
        kept = {folder.split("/")[1] for _, folder in (*layout.ROOTS, *layout.EVENTS) if folder.startswith("code/")}
        names = [f"{layout.CODE}/{name}" for name in confined.names_inside(run_dir, layout.CODE) if name not in kept]
        names += [layout.DATA] if os.path.lexists(run_dir / layout.DATA) else []
        return [odd_files.shown(name) for name in names if remove_inside(run_dir, name)]

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
            try:
                self._keep(run_id, asked[run_id], pieces)
            except OSError as error:  # the others must not suffer for it
                log.warning("run %s: what it has written could not be kept: %s", run_id, error)
        return {run_id for run_id, pieces in told.items() if pieces}

    def _keep(self, run_id: str, asked: dict[str, int], pieces: dict[str, bytes]) -> None:
        with self._locks[run_id]:
            now = self._sizes(run_id)
            self._make_folder(run_id)
            for path, piece in pieces.items():
                # Unless the file has been fetched as a whole meanwhile.
                if now.get(path, 0) == asked.get(path, 0):
                    self._append(run_id, path, piece)
                    self._link_second(run_id, path)

    def _sizes(self, run_id: str) -> dict[str, int]:
        run_dir, sizes = self.folder(run_id), {}
        for path in (layout.PHASES, layout.JOURNAL):
            if (known := confined.facts_inside(run_dir, path)) is not None:
                sizes[path] = known.st_size
        for _, folder in (*layout.ROOTS, *layout.EVENTS):
            if folder != _OUTPUTS:
                sizes.update((folder + relative, facts.st_size) for relative, facts in confined.walk(run_dir, folder))
        return sizes

    def _append(self, run_id: str, path: str, piece: bytes) -> None:
        try:
            confined.append_inside(self.folder(run_id), path, piece)
        except OSError:
            if not self._make_way(run_id, path):
                raise
            # It begins anew with the next look at it.

    def _make_way(self, run_id: str, path: str) -> bool:
        """Remove what is in the way of a file that is to be written here: a folder, a link, a file as a folder."""
        run_dir, parts, removed = self.folder(run_id), path.split("/"), False
        for end in range(1, len(parts) + 1):
            part = "/".join(parts[:end])
            odd = odd_files.oddity(run_dir, part)
            if end < len(parts):
                odd = "a file" if confined.facts_inside(run_dir, part) else odd.replace("a folder", "")
            removed = (bool(odd) and remove_inside(run_dir, part)) or removed
        return removed

    def _make_folder(self, run_id: str) -> None:
        with contextlib.suppress(FileExistsError):
            self.folder(run_id).mkdir(mode=0o700)
        if not stat.S_ISDIR(os.lstat(self.folder(run_id)).st_mode):
            remove_inside(self._runs, run_id)
            self.folder(run_id).mkdir(mode=0o700)

    def settle(self, machine: Machine, run_id: str, whole: bool = False) -> None:
        """Fetch those outputs of a running run that have not changed since the last look at them.

        Args:
            machine: where it runs.
            run_id: the run.
            whole: fetch all of its outputs and uploaded files as they are now.
        """
        lock = self._locks[run_id + _OUTPUTS]
        if not lock.acquire(blocking=whole):
            return  # the last time is not over yet
        try:
            files = machine.files(run_id)
            if whole:
                kept = [each for each in files if each.path.startswith(_KEPT) and not each.left_out]
                self._fetch(machine, run_id, [each for each in kept if not self._has(run_id, each)])
                return
            now = {each.path: each for each in files if each.path.startswith(_OUTPUTS)}
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
            told = machine.files(run_id, digests=True)
            there = [each for each in told if not each.left_out]
            self._not_fetched[run_id] = [
                (each.path.removeprefix("code/"), each.left_out) for each in told if each.left_out
            ]
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
            self._append(run_id, facts.path, piece)
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
        self._make_folder(run_id)
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
            try:
                self._write(machine, run_id, facts, first)
            except (UserErrorException, OSError):
                if not self._make_way(run_id, facts.path):
                    raise
                self._write(machine, run_id, facts, first)

    def _write(self, machine: Machine, run_id: str, facts: FileFacts, first: bytes) -> None:
        with confined.create_inside(self.folder(run_id), facts.path, overwrite=True) as file:
            offset = file.write(first)
            while 0 < offset < facts.size:
                rest = (facts.path, offset, min(facts.size - offset, _PIECE))
                size = file.write(machine.read(run_id, [rest])[0])
                offset = offset + size if size else facts.size  # it has become shorter meanwhile
            file.flush()
            os.utime(file.fileno(), ns=(facts.mtime_ns, facts.mtime_ns))

    def _link(self, run_id: str, path: str, second: str) -> None:
        try:
            confined.link_inside(self.folder(run_id), path, second)
        except OSError:
            if not self._make_way(run_id, second):
                raise
            confined.link_inside(self.folder(run_id), path, second)

    def _link_second(self, run_id: str, path: str) -> None:
        """Give a log that has two names where it is written the second one here, too."""
        second = layout.second_name(path)
        if second and confined.facts_inside(self.folder(run_id), second) is None:
            self._link(run_id, path, second)

    def _drop(self, run_id: str, paths: Iterable[str]) -> None:
        """Delete what the script has deleted."""
        for path in paths:
            if confined.facts_inside(self.folder(run_id), path) is not None:
                remove_inside(self.folder(run_id), path)
