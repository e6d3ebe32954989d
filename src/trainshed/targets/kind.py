"""What a kind of target is: its settings, its size, and the engine it makes of a record."""

from __future__ import annotations

from typing import Any, Protocol

from trainshed.errors import UserErrorException
from trainshed.machines.machine import Machine
from trainshed.machines.ways import Place, Way
from trainshed.spec.run import RunSpec
from trainshed.targets.engine import Engine

Record = dict[str, Any]
"""A target's record: ``{"name", "kind", …}`` and the settings of its kind."""


class Machines(Protocol):
    """The machines that engines can be made on.

    Attributes:
        here: this computer.
    """

    here: Machine

    def reach(self, way: Way, patience: float, place: Place = ..., /, trial: bool = False) -> Machine:
        """Return the machine at the end of a way: the same one, with one connection, for all who ask for it alike.

        Whoever has asked calls :meth:`release` at the end.

        Args:
            way: the way there.
            patience: seconds without an answer after which a connection is given up.
            place: where Trainshed is there.
            trial: on a connection that no run depends on.
        """

    def release(self, machine: Machine, /) -> None:
        """Let go of a machine; without users its connection is closed."""


class Kind(Protocol):
    """One kind of target.

    Attributes:
        name: as records have it in ``"kind"``.
    """

    name: str

    def check(self, record: Record, /) -> Record:
        """Return a record if such a target can be.

        Raises:
            UserErrorException: a name that is taken, an unknown setting, or a value out of range.
        """

    def prove(self, record: Record, machines: Machines, /) -> None:
        """Ask the target itself whether it can be used as its settings say, if that takes no more than moments.

        Raises:
            UserErrorException: it cannot.
        """

    def slots(self, record: Record, /) -> int:
        """Return how many slots the target has."""

    def admit(self, record: Record, spec: RunSpec, /) -> None:
        """Raise if the target could never run this.

        Raises:
            UserErrorException: the sentence says what to ask for instead.
        """

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Return the engine of this target."""


class NothingToProve:
    """A kind of target whose settings alone say whether it can be used."""

    def prove(self, record: Record, machines: Machines, /) -> None:
        """Ask nothing; see :meth:`Kind.prove`."""


def check_slots(spec: RunSpec, slots: int) -> None:
    """Raise if a run requests more slots than its target has."""
    if spec.slots * spec.node_count > slots:
        raise UserErrorException(
            f"The run requests {spec.slots * spec.node_count} slots, but target '{spec.target}' has {slots}. "
            f"Request fewer, or raise the number: trainshed target {spec.target} --slots {spec.slots}, or for a "
            "cluster update(max_nodes=…)."
        )
