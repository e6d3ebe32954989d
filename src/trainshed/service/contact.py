"""Tracks whether a target's machine answers, and updates the states of its runs accordingly."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from trainshed.errors import MachineAccessException, MachineUnreachableException
from trainshed.service.bus import Bus
from trainshed.spec import states
from trainshed.store.history import History

log = logging.getLogger("trainshed.service")
_MOST_DOUBLINGS = 5
_STARTED = frozenset({states.PROVISIONING, states.PREPARING, states.STARTING, states.RUNNING})
_CODE = "MachineUnreachable"


class Contact:
    """The contact to one machine.

    Args:
        history: the table of runs.
        bus: notified of changes.
        patience: seconds without contact after which a run is NotResponding.

    Attributes:
        failures: number of failed attempts in a row.
        error: why there is no contact; ``""`` if there is.
    """

    def __init__(self, history: History, bus: Bus, patience: float) -> None:
        self._history = history
        self._bus = bus
        self._patience = patience
        self._last = time.monotonic()
        self.failures = 0
        self.error = ""

    @property
    def backoff(self) -> int:
        """The factor by which to contact the machine less often."""
        return int(2 ** min(self.failures, _MOST_DOUBLINGS))

    def made(self) -> None:
        """Record that the machine has answered."""
        self._last, self.failures, self.error = time.monotonic(), 0, ""

    def lost(self, error: MachineUnreachableException, run_ids: Iterable[str]) -> None:
        """Record that it has not answered; if that lasts, or is known to last, mark its runs as NotResponding.

        Args:
            error: the reason.
            run_ids: the runs on the machine, or on their way to it.
        """
        self.failures += 1
        self.error = error.message
        lasts = isinstance(error, MachineAccessException) or time.monotonic() - self._last >= self._patience
        if not lasts:
            return
        for run_id in run_ids:
            self._mark(run_id, error.message)

    def back(self, record: dict[str, Any], silent: str = "") -> None:
        """Restore the state of a run whose machine answers again.

        Args:
            record: the run's record.
            silent: why another machine that the run is on, too, does not answer; ``""`` if all do.
        """
        if silent:
            self._mark(record["id"], silent)
        elif (record["details"].get("error") or {}).get("code") == _CODE:
            self._history.note(record["id"], {"error": None})

    def _mark(self, run_id: str, why: str) -> None:
        self._history.note(run_id, {"error": {"code": _CODE, "message": why}})
        if self._history.move(run_id, states.NOT_RESPONDING, now=time.time(), expected=_STARTED):
            log.warning("run '%s': %s", run_id, why)
            self._bus.publish(run_id)
