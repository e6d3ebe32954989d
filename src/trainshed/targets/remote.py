"""The kind of target that is another machine, reached by a command such as ``ssh host``."""

from __future__ import annotations

from trainshed.errors import UserErrorException, did_you_mean
from trainshed.machines.ways import Command
from trainshed.spec.run import RunSpec
from trainshed.spec.shape import check_count, check_grace, check_one_node
from trainshed.targets.engine import Engine
from trainshed.targets.kind import Machines, NothingToProve, Record, check_slots
from trainshed.targets.shim_engine import ShimEngine

REMOTE = "remote"
_SETTINGS = ("connect", "slots", "patience", "grace_seconds")
_PATIENCE = 30


class Remote(NothingToProve):
    """A machine that shares nothing with the service but what the command carries."""

    name = REMOTE

    def check(self, record: Record, /) -> Record:
        """Return the record if its settings can be used; see :meth:`Kind.check`."""
        unknown = next((key for key in record if key not in ("name", "kind", *_SETTINGS)), None)
        if unknown:
            raise UserErrorException(f"A remote target has no setting '{unknown}'.{did_you_mean(unknown, _SETTINGS)}")
        connect = record.get("connect")
        if not isinstance(connect, list) or not connect or not all(isinstance(part, str) and part for part in connect):
            raise UserErrorException(
                f"Target '{record['name']}': connect is {connect!r}; give the command that reaches the machine as a "
                "list, such as ['ssh', 'host']."
            )
        whole = {"slots": 1, "patience": _PATIENCE, **record}
        check_count("slots", whole["slots"])
        check_count("patience", whole["patience"])
        check_grace("grace_seconds", whole.get("grace_seconds"))
        return whole

    def slots(self, record: Record, /) -> int:
        """Return the slots that were set: 1 unless said otherwise."""
        return int(record["slots"])

    def admit(self, record: Record, spec: RunSpec, /) -> None:
        """Refuse several nodes, and more slots than there are; see :meth:`Kind.admit`."""
        check_one_node(spec.node_count, spec.target)
        check_slots(spec, self.slots(record))

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Return shims on the machine that the command reaches."""
        way = Command(record["name"], tuple(record["connect"]))
        return ShimEngine(machines.reach(way, record["patience"]))
