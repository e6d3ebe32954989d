"""Looking at the runs of a target: all at once, and so that one whose records are spoilt hides no other."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from trainshed.machines.machine import Observation
from trainshed.service.attempts import attempt
from trainshed.targets.engine import Engine

_MOST_UNREAD = 4
"""Looks in vain after which the records of a run count as lost."""
_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR})
"""Errors of a look that say nothing about the run."""


class Looks:
    """Asks an engine about its runs.

    Args:
        engine: the engine.
        native: the native ids of the runs that have one, as they are at the time.
        answered: called when the engine has answered.
        failed: called with each error.
    """

    def __init__(
        self,
        engine: Engine,
        native: Mapping[str, str],
        answered: Callable[[], object],
        failed: Callable[[Exception], object],
    ) -> None:
        self._engine = engine
        self._native = native
        self._answered = answered
        self._failed = failed
        self._unread: Counter[str] = Counter()

    def at(self, run_ids: Iterable[str]) -> dict[str, Observation]:
        """Return what is seen of runs; those whose records cannot be read are left out.

        Raises:
            MachineUnreachableException: their machine does not answer.
        """
        native = {run_id: self._native.get(run_id, "") for run_id in run_ids}
        if not native:
            return {}
        seen = attempt(self._engine.poll, native, failed=self._failed)
        if seen is None:
            seen = {}
            for run_id, native_id in native.items():
                seen |= attempt(self._engine.poll, {run_id: native_id}, failed=partial(self._in_vain, run_id)) or {}
        for run_id in seen:
            self.forget(run_id)
        self._answered()
        return seen

    def _in_vain(self, run_id: str, error: Exception) -> None:
        self._failed(error)
        if not (isinstance(error, OSError) and error.errno in _PASSING):
            self._unread[run_id] += 1

    def are_in_vain(self, run_id: str) -> bool:
        """Tell whether the records of a run could not be read, time after time."""
        return self._unread[run_id] >= _MOST_UNREAD

    def forget(self, run_id: str) -> None:
        """Forget that the records of a run could not be read."""
        self._unread.pop(run_id, None)
