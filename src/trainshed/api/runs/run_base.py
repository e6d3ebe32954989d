"""What every side of a run builds on: its id, its record, and calls about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.client.http import quoted

if TYPE_CHECKING:
    from trainshed.api.runs.experiment import Experiment


class RunBase:
    """A run by its id.

    Args:
        experiment: the experiment it belongs to.
        run_id: its id.
        record: what is known of it; fetched when it is needed if None.
    """

    def __init__(self, experiment: Experiment, run_id: str, record: dict[str, Any] | None = None) -> None:
        self._experiment = experiment
        self._id = run_id
        self._record: dict[str, Any] = record or {}

    @staticmethod
    def _path(run_id: str, *parts: str) -> str:
        return quoted("runs", run_id, *parts)

    def _call(self, method: str, *parts: str, **kwargs: Any) -> Any:
        return self._experiment.workspace.connection.call(method, self._path(self._id, *parts), **kwargs)
