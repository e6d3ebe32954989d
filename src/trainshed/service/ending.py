"""The end of a run, where all targets behave alike: what it has left is taken in, then how it ended is written down.

No step can keep a run from ending: what a step could not do becomes a warning in the run's details. If the history
itself cannot be written for the moment, because its disk is full, writing is tried until it succeeds.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from trainshed.errors import ServiceException
from trainshed.machines import records
from trainshed.machines.machine import ABSENT, Machine, Observation
from trainshed.service.attempts import attempt, why
from trainshed.service.final_state import FinalState, final_state
from trainshed.service.shared import Shared, take_phases
from trainshed.spec import layout, states
from trainshed.store.history import History
from trainshed.targets.witness import INTERACTIVE

log = logging.getLogger("trainshed.service")
SOURCE = "end"
"""What warnings about the end of a run are about."""
NOT_FETCHED = "Some of its files are only on the machine where it ran"
"""Begins the warning of a run whose directory there must stay."""
_TRIES = 4
_LATEST = 15.0
"""Seconds between two attempts to write how runs ended, at most."""

Result = TypeVar("Result")


def damage(run_dir: str) -> str:
    """Return in words which of a lost run's records cannot be read; ``""`` if all that are there can.

    Args:
        run_dir: the run directory, in the mirror.
    """
    if not os.path.lexists(run_dir):
        return "its run directory was removed"
    if not records.owner(run_dir):
        return f"the record of what supervises it ({layout.SHIM}) was removed or damaged"
    if os.path.lexists(os.path.join(run_dir, layout.EXIT)) and not records.exit_of(run_dir):
        return f"the record of how it ended ({layout.EXIT}) was damaged"
    return ""


class Ending:
    """The end of one run.

    Args:
        shared: history and files.
        machine: where it ran.
        record: the run's record.
    """

    def __init__(self, shared: Shared, machine: Machine, record: dict[str, Any]) -> None:
        self._shared = shared
        self._machine = machine
        self._record = record
        self._run_id: str = record["id"]
        self._warnings: list[dict[str, str]] = []

    def reach(self, seen: Observation, damaged: str) -> FinalState:
        """Take in what the run has left, and return how it ended.

        Args:
            seen: the last observation of its engine.
            damaged: which of its records cannot be read, as :func:`damage` says it.

        Raises:
            MachineUnreachableException: not everything has been fetched, and the machine no longer answers.
        """
        shared, run_id = self._shared, self._run_id
        if not self._machine.shares_folder:
            self._step(NOT_FETCHED, shared.mirror.complete, self._machine, run_id)
        self._step("When its phases began is not known", take_phases, shared, run_id)
        self._step("Not everything that it logged could be stored", shared.collector.journal, run_id)
        self._step("", self._finalizing)
        self._step("Its files could not be listed with their hashes", shared.collector.manifest, run_id)
        self._step("", shared.staging.forget_damaged, seen.exit)
        final = self._step("", self._verdict, seen, damaged) or self._unknown("its records make no sense")
        if final.status == states.COMPLETED:
            final = self._keep_outputs(final)
        warnings = [*final.details.get("warnings", ()), *self._warnings]
        return final._replace(details={**final.details, "warnings": warnings})

    def _step(self, lost: str, work: Callable[..., Result], *args: Any) -> Result | None:
        """Do one step of the end; if it fails, warn of what was lost, unless that is ``""``."""
        failures: list[Exception] = []
        for _ in range(_TRIES):
            failures.clear()
            done = attempt(work, *args, failed=failures.append)
            if not failures:
                return done
            if not can_try_again(failures[0]):
                break
        log.error("run '%s': a step of its end failed", self._run_id, exc_info=failures[0])
        if lost:
            self._warnings.append({"source": SOURCE, "message": f"{lost}: {why(failures[0])}."})
        return None

    def _finalizing(self) -> None:
        self._shared.history.move(self._run_id, states.FINALIZING, now=time.time())

    def _verdict(self, seen: Observation, damaged: str) -> FinalState:
        if damaged and not seen.exit:
            cancelled = self._record["cancel_requested"]
            return FinalState(states.CANCELED, "canceled_by_user", {}) if cancelled else self._unknown(damaged)
        reason = seen.exit.get("reason", "")
        tail_of = layout.BUILD_LOG if reason in states.IN_BUILD_LOG else seen.exit.get("log", layout.DRIVER_LOG)
        tail_of = layout.USER_LOG if self._record["target"] == INTERACTIVE else tail_of
        path = layout.SHIM_LOG if seen.state == ABSENT else layout.place_of(tail_of)
        return final_state(seen, self._tail(path), tail_of, self._record)

    def _tail(self, path: str) -> str:
        return self._step("The end of its log could not be read", self._shared.mirror.tail, self._run_id, path) or ""

    def _unknown(self, damaged: str) -> FinalState:
        """Return the end of a run of which nothing trustworthy is recorded."""
        error = {
            "code": "SystemError",
            "reason": "record_lost",
            "message": f"How the run ended is not known, because {damaged}. Everything that it had started was ended.",
            "log": layout.DRIVER_LOG,
            "log_tail": self._tail(layout.DRIVER_LOG),
        }
        return FinalState(states.FAILED, "record_lost", {"error": error, "witness": "run directory"})

    def _keep_outputs(self, final: FinalState) -> FinalState:
        """Have the outputs of a completed run where they belong and on the disk: it has failed if they cannot be."""
        shared, failures = self._shared, list[Exception]()
        if not self._machine.shares_folder:
            attempt(shared.staging.take_back, self._record, failed=failures.append)
        if failures:
            log.error("run '%s': its outputs were not copied", self._run_id, exc_info=failures[0])
            message = f"The run's outputs could not be copied to their datastore: {why(failures[0])}."
            told = {"code": "UserError", "reason": "upload_failed", "message": message}
            return FinalState(states.FAILED, "upload_failed", {**final.details, "error": told}, final.time)
        self._step(
            "Not all of its outputs could be registered as datasets",
            shared.collector.outputs,
            self._run_id,
            self._record["spec"],
        )
        self._step("Its files may be lost if the machine loses power now", shared.collector.make_durable, self._run_id)
        return final


def can_try_again(error: Exception) -> bool:
    """Tell whether room has just been made for what could not be written."""
    return isinstance(error, ServiceException) and bool(error.details.get("again"))


class Conclusions:
    """Writes how runs ended; what cannot be written for the moment is written later.

    Args:
        history: the table of runs.
        written: called with a run once its end is in the history.
    """

    def __init__(self, history: History, written: Callable[[str], None]) -> None:
        self._history = history
        self._written = written
        self._owed: dict[str, FinalState] = {}
        self._lock = threading.Lock()
        self._failures = 0
        self._next = 0.0

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._owed

    def __bool__(self) -> bool:
        return bool(self._owed)

    def write(self, run_id: str, final: FinalState) -> None:
        """Write how a run ended, now or later.

        Args:
            run_id: the run.
            final: how it ended.
        """
        self._owed[run_id] = final
        self._write(run_id)

    def again(self) -> None:
        """Write what could not be written before, unless that was tried a moment ago."""
        if time.monotonic() >= self._next:
            all(self._write(run_id) for run_id in list(self._owed))

    def _write(self, run_id: str) -> bool:
        failures: list[Exception] = []
        final = self._owed.get(run_id)
        for _ in range(_TRIES if final is not None else 0):
            failures.clear()
            attempt(self._store, run_id, final, failed=failures.append)
            if not failures:
                break
            if not isinstance(failures[0], ServiceException) and final is not None:
                final = _bare(final, failures[0])
            elif not can_try_again(failures[0]):
                break
        if failures:
            self._put_off(run_id, failures[0])
            return False
        self._failures = 0
        self._owed.pop(run_id, None)
        self._written(run_id)
        return True

    def _store(self, run_id: str, final: FinalState) -> None:
        ended = time.time() if final.time is None else final.time
        self._history.move(run_id, final.status, reason=final.reason, details=final.details, now=ended)

    def _put_off(self, run_id: str, error: Exception) -> None:
        if not self._failures:
            log.error("run '%s' has ended, but its end cannot be written yet", run_id, exc_info=error)
        self._failures += 1
        self._next = time.monotonic() + min(2.0 ** min(self._failures, 10) / 2, _LATEST)


def _bare(final: FinalState, error: Exception) -> FinalState:
    """Return an end without the details that could not be stored."""
    message = f"The details of its end could not be stored: {why(error)}."
    return FinalState(final.status, final.reason, {"warnings": [{"source": SOURCE, "message": message}]})
