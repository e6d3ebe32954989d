"""The kind of target that is the service's own machine."""

from __future__ import annotations

import os

from trainshed.errors import UserErrorException, did_you_mean
from trainshed.spec.run import RunSpec
from trainshed.spec.shape import check_count, check_grace, check_one_node
from trainshed.targets.engine import Engine
from trainshed.targets.kind import Machines, NothingToProve, Record, check_slots
from trainshed.targets.shim_engine import ShimEngine

LOCAL = "local"
_SETTINGS = ("slots", "grace_seconds")


class Local(NothingToProve):
    """This machine, with as many slots as it has cores unless said otherwise."""

    name = LOCAL

    def check(self, record: Record, /) -> Record:
        """Return the record if its settings can be used; see :meth:`Kind.check`."""
        unknown = next((key for key in record if key not in ("name", "kind", *_SETTINGS)), None)
        if unknown:
            raise UserErrorException(f"A target has no setting '{unknown}'.{did_you_mean(unknown, _SETTINGS)}")
        check_count("slots", record.get("slots"))
        check_grace("grace_seconds", record.get("grace_seconds"))
        return record

    def slots(self, record: Record, /) -> int:
        """Return the slots that were set, or one for each core."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        return int(record.get("slots") or cores or 1)

    def admit(self, record: Record, spec: RunSpec, /) -> None:
        """Refuse several nodes, and more slots than there are; see :meth:`Kind.admit`."""
        check_one_node(spec.node_count, spec.target)
        check_slots(spec, self.slots(record))

    def engine(self, record: Record, machines: Machines, /) -> Engine:
        """Return shims on this machine."""
        return ShimEngine(machines.here)
