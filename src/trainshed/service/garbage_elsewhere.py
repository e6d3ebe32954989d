"""Garbage on other machines: run directories whose files are all here, contents and environments long unused."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from trainshed.errors import MachineUnreachableException, NotFoundException, ServiceException
from trainshed.machines.machine import Machine
from trainshed.service.ending import NOT_FETCHED
from trainshed.spec import states
from trainshed.store.history import History

_DAY = 86_400.0
UNREACHED = "unreached"
Item = tuple[str, str, int]
"""(kind, name, bytes)."""


class GarbageElsewhere:
    """Collects garbage on the machines of all targets.

    Args:
        machines: returns name → machine for all that share nothing with the service.
        history: the table of runs.
    """

    def __init__(self, machines: Callable[[], dict[str, Machine]], history: History) -> None:
        self._machines = machines
        self._history = history

    def collect(self, unused_days: float, downloads: bool, dry_run: bool) -> Iterator[Item]:
        """Remove garbage on each machine in turn, and yield what was removed.

        Args:
            unused_days: remove what was unused for so many days.
            downloads: remove downloaded packages, too.
            dry_run: only tell what would be removed.
        """
        for name, machine in self._machines().items():
            try:
                gone = [run_id for run_id in machine.run_names() if self._is_over(run_id, unused_days)]
                found: Iterable[Any] = machine.collect(gone, unused_days, downloads, dry_run)
            except (MachineUnreachableException, ServiceException) as error:
                yield UNREACHED, f"{name}: {error.message}", 0
                continue
            for kind, path, size in found:
                yield kind, f"{name}:{path}", size

    def _is_over(self, run_id: str, unused_days: float) -> bool:
        """Tell whether a run's directory on another machine can be removed."""
        try:
            record = self._history.get(run_id)
        except NotFoundException:
            return True
        if record["status"] not in states.TERMINAL or (record["ended"] or 0) > time.time() - unused_days * _DAY:
            return False
        warnings = record["details"].get("warnings", ())
        return not any(
            str(each.get("message", "")).startswith(NOT_FETCHED) for each in warnings if isinstance(each, dict)
        )
