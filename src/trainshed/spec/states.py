"""Run states, the transitions between them, and the reasons for terminal states.

The names of the states are those of Azure ML's SDK v1.
"""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Dict, FrozenSet


NOT_STARTED = "NotStarted"
QUEUED = "Queued"
PROVISIONING = "Provisioning"
STARTING = "Starting"
PREPARING = "Preparing"
RUNNING = "Running"
FINALIZING = "Finalizing"
CANCEL_REQUESTED = "CancelRequested"
NOT_RESPONDING = "NotResponding"
COMPLETED = "Completed"
FAILED = "Failed"
CANCELED = "Canceled"

TERMINAL: FrozenSet[str] = frozenset({COMPLETED, FAILED, CANCELED})

_ORDER = (NOT_STARTED, QUEUED, PROVISIONING, PREPARING, STARTING, RUNNING, FINALIZING)
ALL: FrozenSet[str] = frozenset(_ORDER) | TERMINAL | {CANCEL_REQUESTED, NOT_RESPONDING}


def _legal() -> Dict[str, FrozenSet[str]]:
    """Return the legal transitions: to a later state in the order, or to a terminal state."""
    moves = {}
    for index, state in enumerate(_ORDER):
        later = frozenset(_ORDER[index + 1 :])
        moves[state] = later | {CANCEL_REQUESTED, NOT_RESPONDING} | TERMINAL
    moves[CANCEL_REQUESTED] = frozenset({FINALIZING}) | TERMINAL
    # When a node responds again, its run may be in any state.
    moves[NOT_RESPONDING] = frozenset(_ORDER[2:]) | {CANCEL_REQUESTED} | TERMINAL
    moves.update({state: frozenset() for state in TERMINAL})
    return moves


LEGAL_MOVES: Dict[str, FrozenSet[str]] = _legal()

REASONS: FrozenSet[str] = frozenset(
    {
        "exit",
        "signal",
        "oom",
        "oom_child",
        "disk_full",
        "env_build_failed",
        "data_failed",
        "snapshot_lost",
        "start_failed",
        "no_container_engine",
        "container_failed",
        "image_name",
        "image_not_found",
        "image_architecture",
        "image_build_failed",
        "image_without_python",
        "registry_refused",
        "registry_unreachable",
        "node_fail",
        "host_lost",
        "shim_lost",
        "record_lost",
        "program_lost",
        "failed_by_user",
        "rank_failed",
        "launch_failed",
        "mpi_not_found",
        "mpi_mismatch",
        "mpi_slots",
        "upload_failed",
        "time_limit",
        "canceled_by_user",
        "canceled_by_admin",
        "stopped_by_policy",
        "preempted",
    }
)
"""Machine-readable reasons for a terminal state."""

OF_THE_SYSTEM: FrozenSet[str] = frozenset({"node_fail", "preempted"})
"""Reasons that are not the user's doing."""

IN_BUILD_LOG: FrozenSet[str] = frozenset(
    {"env_build_failed", "no_container_engine"}
    | {reason for reason in REASONS if reason.startswith(("image_", "registry_"))}
)
"""Reasons that are explained in the build log."""


def is_terminal(status: str) -> bool:
    """Return whether a status is terminal.

    Example:
        >>> is_terminal("Completed"), is_terminal("Running")
        (True, False)
    """
    return status in TERMINAL


def sources_of(status: str) -> FrozenSet[str]:
    """Return the states from which a transition to ``status`` is legal."""
    return frozenset(state for state, targets in LEGAL_MOVES.items() if status in targets)
