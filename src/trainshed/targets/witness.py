"""The engine of runs that a program logs by itself: it starts nothing, and sees whether that program is still there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainshed.errors import InternalException
from trainshed.machines import records
from trainshed.machines.machine import ABSENT, ALIVE, ENDED, LOST, Machine, Observation, OnEnd
from trainshed.spec import layout
from trainshed.system import files, process
from trainshed.system.exits import ExitWatcher
from trainshed.targets.engine import Accepted, Job

INTERACTIVE = ""
"""In place of a target's name: such a run is on none."""


class Witness:
    """Runs whose script is a program of the user's, which tells when they have ended.

    Its process is to such a run what the shim is to others: if it is gone without having said so, the run is lost. A
    run that was begun within another one is witnessed by that one, wherever it runs.

    Args:
        machine: this computer, where such runs have their directories.
        runs: folder of the run directories.
        on_end: called with a run's id when its program has ended.
        goes_on: tells whether a run that has begun others goes on.
    """

    queues = False
    patience = 0.0

    def __init__(self, machine: Machine, runs: Path, on_end: OnEnd, goes_on: Callable[[str], bool]) -> None:
        self.machine = machine
        self._runs = runs
        self._on_end = on_end
        self._goes_on = goes_on
        self._watcher = ExitWatcher(on_end)
        self._watched: set[str] = set()

    def begin(self, run_id: str, record: dict[str, Any], owner: dict[str, Any]) -> None:
        """Make the run directory and note whose run it is.

        Args:
            run_id: the run.
            record: content of its ``spec.json``.
            owner: the program, ``{"pid", "start", "boot"}``, ``{"run": id}`` of the run that has begun it,
                ``{"elsewhere": program}`` of one on another machine, or ``{"sweep": id}``, which is the service itself.
        """
        run_dir = self._runs / run_id
        for folder in ("code/outputs", "code/logs"):
            (run_dir / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write_once(str(run_dir / layout.SPEC), json.dumps(record), durable=False)
        files.write_once(str(run_dir / layout.SHIM), json.dumps(owner), durable=False)
        self._watch(run_id, owner)

    def end(self, run_id: str, how: dict[str, Any]) -> None:
        """Keep how a run has ended; what was said first stands.

        Args:
            run_id: the run.
            how: ``{"outcome", "reason", "message"}``.
        """
        if (self._runs / run_id).is_dir():
            facts = {"time": time.time(), "phase": "Running", "exit_code": None, "signal": None}
            files.write_once(str(self._runs / run_id / layout.EXIT), json.dumps({**facts, **how}))

    def submit(self, job: Job, accepted: Accepted, /) -> None:
        """Refuse: such runs are begun by their programs."""
        raise InternalException(
            f"Run '{job.run_id}' is started by the program that logs it, so a target cannot start it."
        )

    def poll(self, native_ids: Mapping[str, str], /) -> dict[str, Observation]:
        """Look at each run's directory and program; see :meth:`Engine.poll`."""
        return {run_id: self._look(run_id) for run_id in native_ids}

    def _look(self, run_id: str) -> Observation:
        who = records.owner(str(self._runs / run_id))
        lives = self._lives(who)
        # A program may end its run and go on.
        how = records.exit_of(str(self._runs / run_id))
        if how:
            return Observation(ENDED, how)
        if lives:
            self._watch(run_id, who)
            return Observation(ALIVE)
        if not who and not records.claimed(str(self._runs / run_id)):
            return Observation(ABSENT)
        return Observation(LOST, rebooted="boot" in who and who["boot"] != process.boot_id())

    def _lives(self, who: dict[str, Any]) -> bool:
        if "run" in who:
            return self._goes_on(who["run"])
        # A program on another machine cannot be seen from here: it goes on until it says otherwise, as a sweep does.
        return "elsewhere" in who or "sweep" in who or (bool(who) and process.alive(who))

    def _watch(self, run_id: str, who: dict[str, Any]) -> None:
        if run_id not in self._watched and "pid" in who:
            self._watched.add(run_id)
            self._watcher.watch(who, run_id)

    def cancel(self, native_ids: Mapping[str, str], /) -> None:
        """End the runs at once; their programs go on, and are told when they next ask. A sweep ends with its trials."""
        for run_id in native_ids:
            if "sweep" not in records.owner(str(self._runs / run_id)) and self._look(run_id).state == ALIVE:
                self.end(run_id, {"outcome": "canceled", "reason": "canceled_by_user", "message": ""})
                self._on_end(run_id)

    def find(self, token: str, /) -> str | None:
        """Return None: nothing is ever submitted here."""
        return None

    def close(self) -> None:
        """Stop watching."""
        self._watcher.close()
