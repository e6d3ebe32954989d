"""The table of targets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from trainshed.errors import ComputeTargetException, UserErrorException, did_you_mean
from trainshed.targets.local import LocalTarget
from trainshed.targets.target import OnExit, Target

LOCAL = "local"


def make(record: dict[str, Any], runs: Path, on_exit: OnExit) -> Target:
    """Return the target that a record describes.

    Args:
        record: ``{"name", "kind", …}``.
        runs: folder of the run directories.
        on_exit: called with a run's id when the target has news of its end.

    Raises:
        ComputeTargetException: a kind that is not known here.
    """
    if record["kind"] == LOCAL:
        return LocalTarget(runs, on_exit)
    raise ComputeTargetException(f"Target '{record['name']}' is of kind '{record['kind']}', which is not known here.")


def default_local() -> dict[str, Any]:
    """Return the record of the local target as it is before anybody sets it: a slot a core."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"name": LOCAL, "kind": LOCAL, "slots": cores or 1}


def check(record: dict[str, Any]) -> dict[str, Any]:
    """Return a target's record if it can be used.

    Raises:
        UserErrorException: slots that are no positive whole number.
    """
    slots = record.get("slots")
    if not isinstance(slots, int) or isinstance(slots, bool) or slots < 1:
        raise UserErrorException(f"slots is {slots!r}; give a whole number of at least 1.")
    return record


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
