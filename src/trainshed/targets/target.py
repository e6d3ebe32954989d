"""What a target is: four verbs over a host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

ABSENT = "absent"
"""No shim has claimed the run: it may be submitted (again)."""
ALIVE = "alive"
ENDED = "ended"
"""``exit.json`` is there."""
LOST = "lost"
"""The shim is gone and left no word."""


@dataclass(frozen=True)
class Observation:
    """What a target sees of one run.

    Attributes:
        state: one of the constants of this module.
        exit: content of ``exit.json`` when ended.
        rebooted: whether the machine has booted since the run was claimed.
    """

    state: str
    exit: dict[str, Any] = field(default_factory=dict)
    rebooted: bool = False


class Target(Protocol):
    """A place where runs run. Every verb may be called again for the same run without harm."""

    kind: str

    def submit(self, run_id: str, record: dict[str, Any], private: Mapping[str, str], /) -> None:
        """Start the run unless it has been started.

        Args:
            run_id: id of the run.
            record: content of its ``spec.json``.
            private: further files of its run directory, by name: what no record may have.

        Raises:
            ServiceException: the target cannot take it now.
        """

    def poll(self, run_ids: list[str]) -> dict[str, Observation]:
        """Return what is seen of all the named runs, asking once."""

    def cancel(self, run_id: str) -> None:
        """End the run and all its processes; returns when the request has been delivered."""

    def read(self, run_id: str, name: str, offset: int, limit: int) -> bytes:
        """Return up to ``limit`` bytes of a file of the run directory from ``offset`` on; none when it is not there."""

    def close(self) -> None:
        """Let go of what the service holds; runs go on."""


OnExit = Callable[[str], None]
"""Called with a run id when the target learns of its end."""
