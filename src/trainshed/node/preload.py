"""Imports what a run may need while a shim waits for it, because imports after its arrival would delay it."""

from __future__ import annotations

import importlib
import os
import select

from trainshed.spec.codec import from_json
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.system import control_group, process

_MODULES = (
    "traceback",
    "urllib.parse",
    "shutil",
    "trainshed.environments.builder",
    "hashlib",
    "_ctypes",
    "subprocess",
    "trainshed.launchers.single",
    "trainshed.system.ports",
    "trainshed.launchers.openmpi",
    "trainshed.node.run_container",
    "trainshed.node.mpi",
    "trainshed.node.mpi_in_image",
)


def load(requests: int) -> str:
    """Prepare for a run until it arrives: join a control group, import modules.

    Args:
        requests: descriptor from which the shim will read its run.

    Returns:
        The folder of the control group; ``""`` if none can be had, or there was no time.
    """
    group = "" if _arrived(requests) else control_group.join(process.identity(os.getpid()) or {})
    from_json(RunSpec, to_json(RunSpec("none")))  # reads what types the fields of records have, for good
    for name in _MODULES:
        if _arrived(requests):
            break
        importlib.import_module(name)
    return group


def _arrived(requests: int) -> bool:
    return bool(select.select([requests], [], [], 0)[0])
