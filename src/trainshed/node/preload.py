"""Imports what a run may need while a shim waits for it, because imports after its arrival would delay it."""

from __future__ import annotations

import importlib
import select

from trainshed.spec.codec import from_json
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec

_MODULES = (
    "hashlib",
    "ctypes",
    "subprocess",
    "trainshed.launchers.single",
    "trainshed.system.ports",
    "trainshed.launchers.openmpi",
    "trainshed.node.run_container",
    "trainshed.node.mpi",
    "trainshed.node.mpi_in_image",
)


def load(requests: int) -> None:
    """Import modules until a request arrives.

    Args:
        requests: descriptor from which the shim will read its run.
    """
    from_json(RunSpec, to_json(RunSpec("none")))  # reads what types the fields of records have, for good
    for name in _MODULES:
        if select.select([requests], [], [], 0)[0]:
            return
        importlib.import_module(name)
