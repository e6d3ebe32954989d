"""The ``logs/`` of runs, fetched from the service as they grow, for TensorBoard to read."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

from trainshed.client.http import quoted
from trainshed.errors import TrainshedError
from trainshed.spec import states

_PREFIX = "logs/"
_PAUSE = 2.0
"""Seconds between two looks, as often as TensorBoard itself looks at its folder."""


class LiveLogs:
    """Fetches what the files have gained: each byte once, for as long as a run goes on.

    Args:
        runs: pairs of a run and its folder.
    """

    def __init__(self, runs: Sequence[tuple[Any, str]]) -> None:
        self._runs = list(runs)
        self._have: dict[str, tuple[int, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tensorboard logs", daemon=True)

    def start(self) -> None:
        """Fetch what there is, and go on in the background if a run still writes.

        Raises:
            TrainshedError: as the service says.
        """
        self._fetch()
        if self._runs:
            self._thread.start()

    def stop(self) -> None:
        """Fetch no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while self._runs and not self._stop.wait(_PAUSE):
            try:
                self._fetch()
            except (TrainshedError, OSError):
                continue  # the service is away, or the folder is gone; what was fetched stays

    def _fetch(self) -> None:
        for run, folder in list(self._runs):
            # Asked first: what was written before the end is fetched after it.
            ended = states.is_terminal(run.get_status())
            os.makedirs(folder, exist_ok=True)
            connection = run.experiment.workspace.connection
            for file in connection.call("GET", quoted("runs", run.id, "files"))["files"]:
                if file["name"].startswith(_PREFIX):
                    parts = file["name"][len(_PREFIX) :].split("/")
                    self._append(
                        connection, quoted("runs", run.id, "files", file["name"]), file, os.path.join(folder, *parts)
                    )
            if ended:
                self._runs.remove((run, folder))

    def _append(self, connection: Any, path: str, facts: dict[str, Any], target: str) -> None:
        size, modified = self._have.get(target, (0, 0.0))
        if (facts["size"], facts["modified"]) == (size, modified):
            return
        if facts["size"] < size:
            size = 0  # another file under the same name
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "ab" if size else "wb") as file:
            for piece in connection.stream("GET", path, {"offset": size}):
                size += file.write(piece)
        self._have[target] = (size, facts["modified"])
