"""Local copies of runs' data for TensorBoard, updated while the runs are running."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Any

from trainshed.client.http import quoted
from trainshed.errors import TrainshedError
from trainshed.spec import layout, states
from trainshed.tensorboard.events import EventWriter, numbers

METRICS = "metrics"
"""Subfolder for the metrics logged with ``run.log``."""
_LOGS = "logs/"
_SECONDS = 2.0
"""Update interval in seconds, the same as TensorBoard's reload interval."""


class LiveCopy:
    """Copies the event files and metrics of a run to a folder, incrementally.

    Args:
        run: the run.
        folder: folder to copy to.
    """

    def __init__(self, run: Any, folder: str) -> None:
        self._run = run
        self._folder = folder
        self._connection = run.experiment.workspace.connection
        self._last_point = -1
        self._counts: dict[str, int] = {}
        self._writer: EventWriter | None = None
        self._ended = False

    def update(self) -> None:
        """Copy the data that has been added since the last update.

        Raises:
            TrainshedError: the service returned an error.
        """
        if self._ended:
            return
        ended = states.is_terminal(self._run.get_status())  # checked first: no data arrives after the end
        self._update_files()
        self._update_metrics()
        self._ended = ended

    def close(self) -> None:
        """Close the event file of the metrics."""
        if self._writer is not None:
            self._writer.close()

    def _update_files(self) -> None:
        for file in self._connection.call("GET", quoted("runs", self._run.id, "files"))["files"]:
            name = str(file["name"])
            if not layout.is_event_file(name) and not name.startswith(_LOGS):
                continue
            # Event files in logs/ are shown under the run's own name, as in SDK v1.
            path = os.path.join(self._folder, name.removeprefix(_LOGS))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "ab") as copy:
                if copy.tell() > file["size"]:
                    copy.truncate(0)  # the file was rewritten
                if copy.tell() < file["size"]:
                    api_path = quoted("runs", self._run.id, "files", name)
                    for piece in self._connection.stream("GET", api_path, {"offset": copy.tell()}):
                        copy.write(piece)

    def _update_metrics(self) -> None:
        while True:
            query = {"after": self._last_point}
            points = self._connection.call("GET", quoted("runs", self._run.id, "points"), query=query)["points"]
            if not points:
                break
            for index, name, step, time, value in points:
                self._last_point = index
                for at, number in numbers(step, value, self._counts, name):
                    self._write(name, at, time, number)
        if self._writer is not None:
            self._writer.flush()

    def _write(self, name: str, step: int, time: float, number: float) -> None:
        if self._writer is None:
            self._writer = EventWriter(os.path.join(self._folder, METRICS))
        self._writer.add(name, step, time, number)


class Updater:
    """Updates copies in a background thread.

    Args:
        copies: copies to update.

    Raises:
        TrainshedError: the service returned an error during the first update.
    """

    def __init__(self, copies: list[LiveCopy]) -> None:
        self._copies = copies
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tensorboard-copies", daemon=True)
        for copy in copies:
            copy.update()
        self._thread.start()

    def _work(self) -> None:
        while not self._stop.wait(_SECONDS):
            for copy in self._copies:
                # The service may be unavailable, or the folder may have been deleted.
                with contextlib.suppress(TrainshedError, OSError):
                    copy.update()

    def close(self) -> None:
        """Stop updating."""
        self._stop.set()
        self._thread.join()
        for copy in self._copies:
            copy.close()
