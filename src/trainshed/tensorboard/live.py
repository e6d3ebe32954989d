"""A local copy of runs' data for TensorBoard, updated while they are running."""

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
"""Subfolder of a run for the metrics logged with ``run.log``."""
_LOGS = "logs/"
_SECONDS = 2.0
"""Seconds between two updates, as often as TensorBoard itself reads its folder."""


class LiveCopy:
    """Copies event files and metrics of one run into a folder, each byte and each point once.

    Args:
        run: the run.
        folder: its folder.
    """

    def __init__(self, run: Any, folder: str) -> None:
        self._run = run
        self._folder = folder
        self._connection = run.experiment.workspace.connection
        self._place = -1
        self._counts: dict[str, int] = {}
        self._writer: EventWriter | None = None
        self._ended = False

    def update(self) -> None:
        """Fetch new data.

        Raises:
            TrainshedError: an error of the service.
        """
        if self._ended:
            return
        ended = states.is_terminal(self._run.get_status())  # checked first: no data arrives after the end
        self._update_files()
        self._update_metrics()
        self._ended = ended

    def close(self) -> None:
        """Close the file of metrics."""
        if self._writer is not None:
            self._writer.close()

    def _update_files(self) -> None:
        for file in self._connection.call("GET", quoted("runs", self._run.id, "files"))["files"]:
            name = str(file["name"])
            if not layout.is_event_file(name) and not name.startswith(_LOGS):
                continue
            # The scalars in logs/ belong to the run itself: they are shown under its name alone, as in v1.
            path = os.path.join(self._folder, name.removeprefix(_LOGS))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "ab") as copy:
                if copy.tell() > file["size"]:
                    copy.truncate(0)  # the file was written again from the beginning
                if copy.tell() < file["size"]:
                    path_there = quoted("runs", self._run.id, "files", name)
                    for piece in self._connection.stream("GET", path_there, {"offset": copy.tell()}):
                        copy.write(piece)

    def _update_metrics(self) -> None:
        while True:
            query = {"after": self._place}
            points = self._connection.call("GET", quoted("runs", self._run.id, "points"), query=query)["points"]
            if not points:
                break
            for place, name, step, time, value in points:
                self._place = place
                for at, number in numbers(step, value, self._counts, name):
                    self._write(name, at, time, number)
        if self._writer is not None:
            self._writer.flush()

    def _write(self, name: str, step: int, time: float, number: float) -> None:
        if self._writer is None:
            self._writer = EventWriter(os.path.join(self._folder, METRICS))
        self._writer.add(name, step, time, number)


class Updater:
    """Keeps copies up to date on its own thread.

    Args:
        copies: the copies of the runs.

    Raises:
        TrainshedError: an error of the service at the first update.
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
                # The service may be unavailable, or the folder removed; what was fetched is kept.
                with contextlib.suppress(TrainshedError, OSError):
                    copy.update()

    def close(self) -> None:
        """Stop updating."""
        self._stop.set()
        self._thread.join()
        for copy in self._copies:
            copy.close()
