"""What an engine is: it decides when and where a run starts, and knows it by a native id from then on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from trainshed.machines.machine import Machine, Observation

Accepted = Callable[[str], bool]
"""Called with a native id before anything of the run starts; the id is durable when it returns True, and when it
returns False the run must not start."""


class Job(NamedTuple):
    """A run as an engine gets it.

    Attributes:
        run_id: the run.
        record: content of its ``spec.json``.
        private: further files of its run directory, by name, for the eyes of the owner only.
    """

    run_id: str
    record: dict[str, Any]
    private: Mapping[str, str]

    @property
    def token(self) -> str:
        """Names this very submit, so that one whose answer was lost can be found again."""
        return f"{self.run_id}.{self.record['attempt']}"


class Engine(Protocol):
    """Starts runs on a machine, at once or when their turn comes. Any call may be repeated without harm.

    Every call may raise :class:`~trainshed.errors.MachineUnreachableException`: nothing is known then, and the caller
    asks again later.

    Attributes:
        machine: where the run directories lie.
        queues: it hands runs to a queue of its own, which gives them nodes and GPUs when their turn comes.
        patience: seconds without an answer after which nothing is known of its runs.
    """

    machine: Machine
    queues: bool
    patience: float

    def submit(self, job: Job, accepted: Accepted, /) -> None:
        """Take a run, and tell its native id before it starts.

        Args:
            job: the run.
            accepted: called with the native id.

        Raises:
            ServiceException: the engine cannot take it.
        """

    def poll(self, native_ids: Mapping[str, str], /) -> dict[str, Observation]:
        """Return what is seen of all these runs, asking once.

        Args:
            native_ids: run → its native id, ``""`` where it is not known.
        """

    def cancel(self, native_ids: Mapping[str, str], /) -> None:
        """Ask for the end of these runs, and clean up after those whose shim was lost."""

    def find(self, token: str, /) -> str | None:
        """Return the native id of a submit whose answer was lost, or None if it was never taken.

        Args:
            token: the :attr:`Job.token` of that submit.
        """

    def close(self) -> None:
        """Let go of what the service holds; runs go on."""
