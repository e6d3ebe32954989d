"""Collects what a run has written: journal, phases, files. Incremental, and idempotent by file and offset."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from trainshed.errors import NotFoundException
from trainshed.machines import records
from trainshed.runtime.journal import LONGEST_EVENT
from trainshed.service.mirror import Mirror
from trainshed.service.outputs import Outputs
from trainshed.spec import layout
from trainshed.store.catalog import Catalog
from trainshed.store.files import Files
from trainshed.store.history import History
from trainshed.store.journal import events_of
from trainshed.store.metrics import Metrics
from trainshed.system import confined, files
from trainshed.system.odd_files import not_kept

_CHUNK = 4 << 20
_TOO_LONG = f"A line of the journal is longer than {LONGEST_EVENT >> 20} MB and was ignored."
_LOGS = ("azureml-logs/", "user_logs/")
"""Folders that have been there since before the script, as have the names of the logs in them."""
_MOST_SYNCED = 64
"""Files from which on one flush of their file system takes less time than a flush of each."""


class Collector:
    """Reads run directories in the mirror.

    Args:
        history: receives warnings about what could not be stored.
        metrics: stores journal events.
        manifests: stores lists of files.
        catalog: stores the datasets that a run creates.
        mirror: the run directories.
        outputs: told of the files that have been hashed.
    """

    def __init__(
        self, history: History, metrics: Metrics, manifests: Files, catalog: Catalog, mirror: Mirror, outputs: Outputs
    ) -> None:
        self._history = history
        self._outputs = outputs
        self._metrics = metrics
        self._manifests = manifests
        self._catalog = catalog
        self._mirror = mirror
        self._phases: dict[str, int] = {}
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def journal(self, run_id: str) -> None:
        """Store the events that the script has written since the last call.

        Args:
            run_id: the run.
        """
        with self._locks[run_id]:
            offset = self._metrics.offset(run_id)
            while lines := self._lines(run_id, offset):
                events = events_of(lines, offset)
                offset += len(lines)
                warnings = self._metrics.append(run_id, events, offset)
                if warnings:
                    self._history.add_warnings(run_id, "metrics", warnings)

    def _lines(self, run_id: str, offset: int) -> bytes:
        """Return the next lines of a journal; none if its last line is still being written."""
        for size in (_CHUNK, LONGEST_EVENT):
            chunk = self._mirror.read(run_id, layout.JOURNAL, offset, size)
            whole = chunk.rfind(b"\n") + 1
            if whole or len(chunk) < size:
                return chunk[:whole]
        # No call of ours has written it, so it is not an event that was refused: say that it is skipped.
        self._history.add_warnings(run_id, "metrics", [_TOO_LONG])
        return chunk

    def phases(self, run_id: str, enter: Callable[[str, float], None]) -> None:
        """Report the phases that the shim has recorded since the last call.

        Args:
            run_id: the run.
            enter: called with each phase and when it began; if that fails, the phases are reported again.
        """
        with self._locks[run_id]:
            offset = self._phases.get(run_id, 0)
            chunk = self._mirror.read(run_id, layout.PHASES, offset, _CHUNK)
            whole = chunk.rfind(b"\n") + 1 or (len(chunk) if len(chunk) == _CHUNK else 0)
            for _, event in events_of(chunk[:whole], offset):
                if records.is_phase(event):
                    enter(event["phase"], event["time"])
            self._phases[run_id] = offset + whole

    def manifest(self, run_id: str) -> None:
        """Store the manifest of a run that has ended: every file with its hash, and a warning of what is none.

        Args:
            run_id: the run.
        """
        rows, left_out = self._mirror.manifest(run_id)
        self._manifests.replace(run_id, rows)
        self._outputs.trust(run_id, self._mirror, rows)
        if left_out:
            self._history.add_warnings(run_id, "files", [not_kept(left_out)])

    def make_durable(self, run_id: str) -> None:
        """Have the files of a run survive a power failure; with many of them, all of their file system at once.

        Args:
            run_id: the run.
        """
        run_dir = self._mirror.folder(run_id)
        folders: set[tuple[str, ...]] = set()
        synced: set[int] = set()
        for name, facts in self._mirror.listing(run_id):
            place = layout.place_of(name)
            if not facts.st_size and place.startswith(_LOGS):
                continue
            parts = place.split("/")
            folders.update(tuple(parts[:depth]) for depth in range(len(parts)))
            if facts.st_ino in synced:
                continue  # a second name
            if len(synced) == _MOST_SYNCED:
                files.sync_file_system(str(run_dir))
                return
            synced.add(facts.st_ino)
            with contextlib.suppress(NotFoundException), self._mirror.open(run_id, place) as file:
                os.fsync(file.fileno())
        for folder in folders:
            fd = confined.open_folder(run_dir, folder)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)

    def outputs(self, run_id: str, spec: dict[str, Any]) -> None:
        """Register the outputs of a run that has completed, if requested.

        Args:
            run_id: the run.
            spec: the request, as JSON.
        """
        for output in spec.get("outputs", ()):
            if output["register"]:
                path = layout.output_path(output["path"], run_id, output["name"])
                place = {"datastore": output["datastore"], "path": path}
                record = {"definition": {"type": "file", "paths": [place], "steps": []}, "run_id": run_id}
                self._catalog.add(
                    "dataset", output["register"], {"record": record, "tags": output["tags"]}, time.time()
                )

    def forget(self, run_id: str) -> None:
        """Drop the cached state of a run that has ended."""
        self._locks.pop(run_id, None)
        self._phases.pop(run_id, None)
