"""Imports what a run may need while a shim waits for it, because imports after its arrival would delay it."""

from __future__ import annotations

import importlib
import select

_MODULES = (
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
    for name in _MODULES:
        if select.select([requests], [], [], 0)[0]:
            return
        importlib.import_module(name)
