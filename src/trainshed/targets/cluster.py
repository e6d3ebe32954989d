"""The kind of target that v1 called AmlCompute: nodes that are folders and slots of the service's own machine."""

from __future__ import annotations

from trainshed.errors import UserErrorException
from trainshed.spec.run import RunSpec
from trainshed.spec.shape import check_grace, check_scale
from trainshed.targets.engine import Engine
from trainshed.targets.kind import Machines, NothingToProve, Record, check_slots
from trainshed.targets.shim_engine import ShimEngine

CLUSTER = "cluster"
_RESERVED = ("local", "amlcompute", "containerinstance")
_SETTINGS: dict[str, type | tuple[type, ...]] = {
    "compute_type": str,
    "vm_size": str,
    "vm_priority": str,
    "location": str,
    "description": (str, type(None)),
    "tags": dict,
    "min_nodes": int,
    "max_nodes": int,
    "idle_seconds": int,
    "grace_seconds": (int, float, type(None)),
    "created": float,
    "modified": float,
}


class Cluster(NothingToProve):
    """A cluster of ``max_nodes`` nodes, each of them a slot."""

    name = CLUSTER

    def check(self, record: Record, /) -> Record:
        """Return the record if its settings can be used; see :meth:`Kind.check`."""
        name = record["name"]
        if name.lower() in _RESERVED:
            raise UserErrorException(f"A cluster cannot be named '{name}'; that name is taken. Choose another.")
        for key, value in record.items():
            if key not in ("name", "kind") and not isinstance(value, _SETTINGS.get(key, ())):
                raise UserErrorException(f"A cluster has no setting '{key}' with value {value!r}.")
        check_grace("grace_seconds", record.get("grace_seconds"))
        check_scale(record.get("min_nodes"), record.get("max_nodes"))
        return record

    def slots(self, record: Record, /) -> int:
        """Return one slot for each node."""
        return int(record["max_nodes"])

    def admit(self, record: Record, spec: RunSpec, /) -> None:
        """Refuse more nodes than there can be; see :meth:`Kind.admit`."""
        slots = self.slots(record)
        if spec.node_count > slots:
            raise UserErrorException(
                f"The run requests {spec.node_count} nodes, but cluster '{spec.target}' has at most {slots}. "
                "Request fewer, or raise the limit: "
                f"ComputeTarget(ws, '{spec.target}').update(max_nodes={spec.node_count})."
            )
        check_slots(spec, slots)

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Return shims on this machine."""
        return ShimEngine(machines.here)
