"""The engine without a queue of its own: it starts a shim on a machine at once. Slots decide when it is asked to."""

from __future__ import annotations

from collections.abc import Mapping

from trainshed.errors import ServiceException
from trainshed.machines.machine import ABSENT, Machine, Observation
from trainshed.targets.engine import Accepted, Job

_TRIES = 2


class ShimEngine:
    """Shims on one machine.

    Args:
        machine: where they run.
    """

    queues = False

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.patience = machine.patience

    def submit(self, job: Job, accepted: Accepted, /) -> None:
        """Start a shim on the run, unless one has claimed it; see :meth:`Engine.submit`."""
        for _ in range(_TRIES):
            native_id = self.machine.prepare(job.run_id, job.record, job.private)
            if not accepted(native_id):
                self.machine.end([job.run_id])
                return
            if self.machine.start(job.run_id, native_id):
                return
        raise ServiceException(f"{_TRIES} shims in a row ended before they took the run; service.log may say why.")

    def poll(self, native_ids: Mapping[str, str], /) -> dict[str, Observation]:
        """Look at run directories and shims; see :meth:`Engine.poll`."""
        return self.machine.look(native_ids)

    def cancel(self, native_ids: Mapping[str, str], /) -> None:
        """Ask the shims; see :meth:`Engine.cancel`."""
        self.machine.end(list(native_ids))

    def find(self, token: str, /) -> str | None:
        """Return the run's own id where a shim has claimed it; see :meth:`Engine.find`."""
        run_id = token.rpartition(".")[0]
        return run_id if self.machine.look([run_id])[run_id].state != ABSENT else None

    def close(self) -> None:
        """Do nothing: the machine is closed by whoever made it."""
