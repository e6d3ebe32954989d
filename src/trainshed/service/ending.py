"""The end of a run, where all targets behave alike."""

from __future__ import annotations

from typing import Any

from trainshed.errors import TrainshedError
from trainshed.machines.machine import ABSENT, Observation
from trainshed.service.final_state import FinalState, final_state
from trainshed.service.mirror import Mirror
from trainshed.service.shared import Shared
from trainshed.spec import layout, states
from trainshed.targets.witness import INTERACTIVE


def read(mirror: Mirror, seen: Observation, record: dict[str, Any]) -> FinalState:
    """Return how a run has ended.

    Args:
        mirror: the run directories.
        seen: the last observation of its engine.
        record: the run's record.
    """
    reason = seen.exit.get("reason", "")
    tail_of = layout.BUILD_LOG if reason in states.IN_BUILD_LOG else seen.exit.get("log", layout.DRIVER_LOG)
    tail_of = layout.USER_LOG if record["target"] == INTERACTIVE else tail_of
    path = layout.SHIM_LOG if seen.state == ABSENT else layout.place_of(tail_of)
    return final_state(seen, mirror.tail(record["id"], path), tail_of, record)


def keep_outputs(shared: Shared, record: dict[str, Any], final: FinalState, here: bool) -> FinalState:
    """Copy the outputs of a completed run to their datastores, and register them.

    Args:
        shared: history and files.
        record: the run's record.
        final: how it ended.
        here: whether it could access the datastores itself.

    Returns:
        How it ended finally: it has failed if its outputs cannot be copied.
    """
    try:
        if not here:
            shared.staging.take_back(record)
    except (OSError, TrainshedError) as error:
        message = f"The run's outputs could not be copied to their datastore: {error}"
        told = {"code": "UserError", "reason": "upload_failed", "message": message}
        return FinalState(states.FAILED, "upload_failed", {**final.details, "error": told}, final.time)
    shared.collector.outputs(record["id"], record["spec"])
    return final
