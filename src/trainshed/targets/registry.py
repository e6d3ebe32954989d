"""The table of targets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from trainshed.errors import ComputeTargetException, UserErrorException, did_you_mean
from trainshed.targets.local import LocalEngine
from trainshed.targets.target import OnExit, Target

LOCAL = "local"
CLUSTER = "cluster"
_RESERVED = (LOCAL, "amlcompute", "containerinstance")
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
    "created": float,
    "modified": float,
}


def make(record: dict[str, Any], runs: Path, on_exit: OnExit) -> Target:
    """Return the target that a record describes.

    Args:
        record: ``{"name", "kind", …}``.
        runs: folder of the run directories.
        on_exit: called with a run's id when the target learns of its end.

    Raises:
        ComputeTargetException: a kind that is not known here.
    """
    if record["kind"] in (LOCAL, CLUSTER):
        # Where no engine is configured the nodes of a cluster are folders and slots of this machine.
        return LocalEngine(runs, on_exit)
    raise ComputeTargetException(f"Target '{record['name']}' is of kind '{record['kind']}', which is not known here.")


def default_local() -> dict[str, Any]:
    """Return the record of the local target as it is before anybody sets it: a slot a core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"name": LOCAL, "kind": LOCAL, "slots": cores or 1}


def check(record: dict[str, Any]) -> dict[str, Any]:
    """Return a target's record if it can be used.

    Raises:
        UserErrorException: a name that is kept for others, an unknown setting, or a value that cannot be.
    """
    if record["kind"] == CLUSTER:
        return _check_cluster(record)
    unknown_setting = next((key for key in record if key not in ("name", "kind", "slots")), None)
    if record["kind"] != LOCAL or unknown_setting:
        what = f"setting '{unknown_setting}'" if unknown_setting else f"kind '{record['kind']}'"
        raise UserErrorException(f"A target has no {what}.{did_you_mean(unknown_setting or '', ['slots'])}")
    _whole(record, "slots", 1)
    return record


def _check_cluster(record: dict[str, Any]) -> dict[str, Any]:
    name = record["name"]
    if name.lower() in _RESERVED:
        raise UserErrorException(f"A cluster cannot be named '{name}'; that name is taken. Choose another.")
    for key, value in record.items():
        if key not in ("name", "kind") and not isinstance(value, _SETTINGS.get(key, ())):
            raise UserErrorException(f"A cluster has no setting '{key}' with value {value!r}.")
    _whole(record, "min_nodes", 0)
    _whole(record, "max_nodes", 1)
    if record["min_nodes"] > record["max_nodes"]:
        raise UserErrorException(
            f"Cluster '{name}' has min_nodes={record['min_nodes']} and max_nodes={record['max_nodes']}; "
            "give a max_nodes that is not smaller."
        )
    return record


def _whole(record: dict[str, Any], key: str, least: int) -> None:
    value = record.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise UserErrorException(f"{key} is {value!r}; give a whole number of at least {least}.")


def slots_of(record: dict[str, Any]) -> int:
    """Return how many slots a target has: one for each node of a cluster."""
    return int(record["max_nodes"] if record["kind"] == CLUSTER else record["slots"])


def unknown(name: str, known: list[str]) -> ComputeTargetException:
    """Return the error for a target that does not exist.

    Args:
        name: what was asked for.
        known: the targets there are.
    """
    return ComputeTargetException(
        f"ComputeTargetNotFound: there is no compute target '{name}'; there is {', '.join(sorted(known))}."
        + did_you_mean(name, known)
    )
