"""What the runs of a target hold until they end: slots, and GPUs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainshed.machines.machine import Machine
from trainshed.service import run_queue
from trainshed.service.attempts import attempt
from trainshed.service.gpus import Gpus


class Holdings:
    """The slots and GPUs of one target that runs hold.

    Args:
        gpus: the GPUs of its machine, which other targets may share.

    Attributes:
        gpus: as given.
        runs: run → the slots that it holds.
        lent: the same for runs that another worker follows.
    """

    def __init__(self, gpus: Gpus) -> None:
        self.gpus = gpus
        self.runs: dict[str, int] = {}
        self.lent: dict[str, int] = {}

    @property
    def used(self) -> int:
        """How many slots are taken."""
        return sum([*self.runs.values(), *self.lent.values()])

    def others(self, run_id: str) -> list[Machine]:  # noqa: ARG002 - on pools it matters
        """Return the further machines that a run is on."""
        return []

    def slots(self, spec: dict[str, Any]) -> int:
        """Return the slots that a run takes of this target.

        Args:
            spec: its request, as JSON.
        """
        return run_queue.size(spec)

    def take(self, run_id: str, spec: dict[str, Any]) -> bool:
        """Let a run have what it needs; False where it has to wait for GPUs.

        Args:
            run_id: the run.
            spec: its request, as JSON.
        """
        if self.gpus.take(run_id, spec):
            self.runs[run_id] = self.slots(spec)
        return run_id in self.runs

    def take_or_fail(self, record: dict[str, Any], fail: Callable[[str, Exception], None]) -> bool:
        """Let a run have what it needs; False where it has to wait for GPUs.

        Args:
            record: the run's, with its spec.
            fail: ends the run, if its request cannot be read or the machine is of no use.
        """
        failures: list[Exception] = []
        taken = attempt(self.take, record["id"], record["spec"], failed=failures.append)
        if failures:
            fail(record["id"], failures[0])
        return bool(taken or failures)

    def keep(self, run_id: str, allocation: dict[str, Any]) -> None:
        """Let a run have what an earlier service gave it; its slots are told by :attr:`runs`.

        Args:
            run_id: the run.
            allocation: what :meth:`allocation` returned then.
        """
        self.gpus.keep(run_id, allocation)

    def allocation(self, run_id: str) -> dict[str, Any]:
        """Return what a run's node must know of what the run holds."""
        return self.gpus.allocation(run_id)

    def let_go(self, run_id: str) -> None:
        """Take everything back from a run that has ended."""
        self.runs.pop(run_id, None)
        self.gpus.let_go(run_id)
