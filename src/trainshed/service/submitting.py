"""The runs of a target that are being given to its engine, each by one thread at a time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Container, Iterator

_MANY = 1_000_000


class Submitting:
    """Those of one target.

    Args:
        held: the runs that hold slots of it.
    """

    def __init__(self, held: Container[str]) -> None:
        self._held = held
        self._runs: set[str] = set()
        self._reading = 0
        self._lock = threading.Lock()

    def begin(self, run_id: str) -> bool:
        """Be the one who submits a run now; False where somebody else is, or it holds nothing any more."""
        with self._lock:
            others = run_id in self._runs or run_id not in self._held
            self._runs |= set() if others else {run_id}
            return not others

    def end(self, run_id: str) -> None:
        """Note that a run was submitted, or could not be."""
        with self._lock:
            self._runs.discard(run_id)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Say that the queue is being read, and nobody knows how many runs will be begun."""
        self._reading = _MANY
        try:
            yield
        finally:
            self._reading = 0

    def coming(self) -> int:
        """Return how many runs are being submitted; very many while the queue is read."""
        return len(self._runs) + self._reading
