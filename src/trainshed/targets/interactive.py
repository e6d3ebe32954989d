"""Programs that were started by hand and log a run: nothing is started here, only witnessed."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainshed.spec import layout
from trainshed.system import process
from trainshed.system.exits import ExitWatcher
from trainshed.targets.run_folder import piece, read
from trainshed.targets.target import ABSENT, ALIVE, ENDED, LOST, Observation, OnExit

INTERACTIVE = ""
"""In place of a target's name: such a run is on none."""


class InteractiveTarget:
    """Runs whose script is a program of the user's, which tells when they have ended.

    Its process is what a shim is to other runs: where it is gone without a word, the run is lost.

    Args:
        runs: folder of the run directories.
        on_exit: called with a run's id when its program has ended.
    """

    kind = "interactive"

    def __init__(self, runs: Path, on_exit: OnExit) -> None:
        self._runs = runs
        self._on_exit = on_exit
        self._watcher = ExitWatcher(on_exit)
        self._watched: set[str] = set()

    def submit(self, run_id: str, record: dict[str, Any], _private: Mapping[str, str], /) -> None:
        """Make the run directory and note whose run it is; see :meth:`Target.submit`.

        Args:
            run_id: the run.
            record: content of its ``spec.json``, with the program's ``{"pid", "start", "boot"}`` as ``"owner"``.
            _private: nothing.
        """
        run_dir = self._runs / run_id
        for folder in ("code/outputs", "code/logs"):
            (run_dir / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        _once(run_dir / layout.SPEC, record)
        _once(run_dir / layout.SHIM, record["owner"])
        self._watch(run_id, record["owner"])

    def _watch(self, run_id: str, who: dict[str, Any]) -> None:
        if run_id not in self._watched:
            self._watched.add(run_id)
            self._watcher.watch(who, run_id)

    def poll(self, run_ids: list[str]) -> dict[str, Observation]:
        """Look at each run's directory and program; see :meth:`Target.poll`."""
        return {run_id: self._look(run_id) for run_id in run_ids}

    def _look(self, run_id: str) -> Observation:
        run_dir = self._runs / run_id
        who = read(run_dir / layout.SHIM)
        lives = bool(who) and process.alive(who)
        # A program may end its run and go on.
        how = read(run_dir / layout.EXIT)
        if how:
            return Observation(ENDED, how)
        if lives:
            self._watch(run_id, who)
            return Observation(ALIVE)
        return Observation(LOST, rebooted=who.get("boot") != process.boot_id()) if who else Observation(ABSENT)

    def end(self, run_id: str, how: dict[str, Any]) -> None:
        """Keep how a run has ended; what was said first stands.

        Args:
            run_id: the run.
            how: ``{"outcome", "reason", "message"}``.
        """
        if (self._runs / run_id).is_dir():
            facts = {"time": time.time(), "phase": "Running", "exit_code": None, "signal": None}
            _once(self._runs / run_id / layout.EXIT, {**facts, **how})

    def cancel(self, run_id: str) -> None:
        """End the run at once; its program goes on, and is told when it next asks."""
        if self._look(run_id).state == ALIVE:
            self.end(run_id, {"outcome": "canceled", "reason": "canceled_by_user", "message": ""})
            self._on_exit(run_id)

    def read(self, run_id: str, name: str, offset: int, limit: int) -> bytes:
        """Read from the run directory; see :meth:`Target.read`."""
        return piece(self._runs / run_id / name, offset, limit)

    def close(self) -> None:
        """Stop watching."""
        self._watcher.close()


def _once(path: Path, record: dict[str, Any]) -> None:
    """Write a record whole unless there is one."""
    part = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    part.write_text(json.dumps(record))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink()
