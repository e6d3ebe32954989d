"""Which class the object of a run has, by the run's type."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

    from trainshed.api.protocols import ExperimentLike
    from trainshed.api.runs.run import Run


def run_of(experiment: ExperimentLike, record: dict[str, Any]) -> Run:
    """Return the object of a run.

    Args:
        experiment: experiment of the run.
        record: the service's record of the run.

    Example:
        >>> type(run_of(experiment, run.record())).__name__
        'ScriptRun'
    """
    from trainshed.api.runs.run import Run, ScriptRun
    from trainshed.api.runs.run_tree import factories

    kind = record["kind"]
    if kind in factories:
        run: Run = factories[kind](experiment, record)
        return run
    if kind == "hyperdrive":
        from trainshed.api.hyperdrive.run import HyperDriveRun  # most programs have no sweeps

        return HyperDriveRun(experiment, record["id"], _record=record)
    return (ScriptRun if kind else Run)(experiment, record["id"], _record=record)
