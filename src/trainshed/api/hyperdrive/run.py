"""The parent run of a sweep."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainshed.api.hyperdrive.goal import PrimaryMetricGoal
from trainshed.api.hyperdrive.rest import rest_of, with_secrets
from trainshed.api.runs.run import Run
from trainshed.errors import (
    HyperDriveConfigException,
    HyperDriveNotImplementedException,
    NotFoundException,
    UserErrorException,
)
from trainshed.spec import states

if TYPE_CHECKING:
    from trainshed.api.protocols import ExperimentLike, RunLike

_METRIC = "primary_metric_config"
_PARAMETERS = "hyperparameters"


class HyperDriveRun(Run):
    """The parent run of a sweep's runs.

    Args:
        experiment: experiment of the run.
        run_id: id of the run.
        hyperdrive_config: configuration of the sweep. Default: the primary metric is read from the run's properties.
        *older: in 2018, the configuration of the sweep was the fourth argument, and the third that of its scripts.
        **kwargs: ``hyperdrive_run_config`` is the configuration of the sweep, as in 2018. Others are ignored.

    Raises:
        HyperDriveConfigException: ``hyperdrive_config`` is not a HyperDriveConfig.

    Example:
        >>> HyperDriveRun(experiment, run.id).get_hyperparameters()
        {}
    """

    def __init__(
        self, experiment: ExperimentLike, run_id: str, hyperdrive_config: Any = None, *older: Any, **kwargs: Any
    ) -> None:
        hyperdrive_config = kwargs.pop("hyperdrive_run_config", older[0] if older else hyperdrive_config)
        if hyperdrive_config is not None and not hasattr(hyperdrive_config, "_sweep"):
            raise HyperDriveConfigException(
                f"HyperDriveRun: hyperdrive_config must be a HyperDriveConfig, not {type(hyperdrive_config).__name__}."
            )
        super().__init__(experiment, run_id, **kwargs)
        self._hyperdrive_config = hyperdrive_config

    @property
    def hyperdrive_config(self) -> Any:
        """HyperDriveConfig of the sweep, if this object was returned by submit() or given one; else None."""
        return self._hyperdrive_config

    @property
    def hyperdrive_run_config(self) -> Any:
        """Same as ``hyperdrive_config``. Deprecated."""
        return self._hyperdrive_config

    def cancel(self, *older: Any) -> None:
        """Cancel the sweep and its runs. They receive SIGTERM, then SIGKILL after the grace period.

        Args:
            *older: in 2018, the workspace and the id of the sweep.

        Raises:
            HyperDriveConfigException: the id is that of another run.
        """
        if older[1:] and older[1] != self.id:
            raise HyperDriveConfigException(
                f"HyperDriveRun.cancel: this is sweep '{self.id}', not '{older[1]}'. Call cancel() without arguments."
            )
        super().cancel()

    def get_best_run_by_primary_metric(
        self, include_failed: bool = True, include_canceled: bool = True, include_resume_from_runs: bool = True
    ) -> RunLike | None:
        """Return the child run with the best value of the primary metric. If several are equal, the oldest.

        Args:
            include_failed: include failed runs.
            include_canceled: include canceled runs.
            include_resume_from_runs: include the runs of the sweeps that this one resumes from.

        Returns:
            The run, or None if no run has logged the metric.
        """
        excluded = {status for status, kept in (("Failed", include_failed), ("Canceled", include_canceled)) if not kept}
        resumed = self._resumed() if include_resume_from_runs else []
        measured = [
            pair for sweep in [self, *resumed] for pair in self._measured(sweep) if pair[1].get_status() not in excluded
        ]
        ranked = self._ranked(measured)
        return ranked[0][1] if ranked else None

    def get_children_sorted_by_primary_metric(
        self, top: int = 0, reverse: bool = False, discard_no_metric: bool = False
    ) -> list[dict[str, Any]]:
        """Return the child runs sorted by the primary metric, best first. Runs without the metric come last.

        Args:
            top: number of runs to return; 0 returns all.
            reverse: sort from worst to best.
            discard_no_metric: leave out runs that have not logged the metric.

        Returns:
            One dict per run: ``run_id``, ``hyperparameters`` (JSON), ``best_primary_metric``, ``status``.

        Raises:
            AssertionError: an argument has the wrong type, as in SDK v1.
        """
        if isinstance(top, bool) or not isinstance(top, int) or top < 0:
            raise AssertionError(f"top must be a whole number of at least 0, not {top!r}.")
        for name, flag in (("reverse", reverse), ("discard_no_metric", discard_no_metric)):
            if not isinstance(flag, bool):
                raise AssertionError(f"{name} must be True or False, not {flag!r}.")
        measured = self._measured(self)
        rows: list[tuple[float | None, RunLike]] = list(self._ranked(measured, reverse))
        if not discard_no_metric:
            rows += [pair for pair in measured if pair[0] is None]
        return [
            {
                "run_id": run.id,
                "hyperparameters": _parameters(run),
                "best_primary_metric": value,
                "status": run.get_status(),
            }
            for value, run in rows[: top or None]
        ]

    def get_hyperparameters(self) -> dict[str, str]:
        """Return the hyperparameters of the child runs, as a dict of run id → JSON."""
        return {run.id: _parameters(run) for run in _children(self)}

    def get_trials(self) -> list[dict[str, Any]]:
        """Return the child runs with what the sweep knows of them, in order (Trainshed extension).

        Returns:
            One dict per run: ``number``, ``run_id``, ``parameters`` (dict), ``status``, ``reason`` (why it ended),
            ``best`` (best value of the primary metric, or None), ``stopped_at`` (the interval at which the policy
            stopped it, or None), ``attempt`` (1, or more if it was repeated), ``started`` and ``ended`` (Unix
            timestamps).

        Raises:
            NotFoundException: the run is not a sweep.
        """
        trials: list[dict[str, Any]] = self._call("GET", "sweep")["trials"]
        return trials

    def to_pandas_dataframe(self) -> Any:
        """Return :meth:`get_trials` as a pandas DataFrame, with a column for each parameter (Trainshed extension).

        Its method ``to_csv`` writes a CSV file; so does ``trainshed sweep show --csv``, which does not need pandas.

        Raises:
            UserErrorException: pandas is not installed.
            NotFoundException: the run is not a sweep.
        """
        from trainshed.api.data.table_files import pandas  # takes 0.3 s to import

        rows = []
        for trial in self.get_trials():
            given = trial.pop("parameters")
            rows.append({**trial, **{f"{name} (parameter)" if name in trial else name: given[name] for name in given}})
        return pandas().DataFrame(rows)

    def resume(
        self,
        max_total_runs: int | None = None,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: float | None = None,
        environment_variables: Mapping[str, str] | None = None,
    ) -> HyperDriveRun:
        """Run the rest of a sweep that has ended, as a new sweep (Trainshed extension).

        Runs that were canceled with the sweep, or failed for a reason outside of their scripts, come first, with the
        same parameters. Then the sampling method goes on with the next ones, knowing all runs so far.

        Args:
            max_total_runs: maximum number of runs. Default: those that this sweep still had to do.
            max_concurrent_runs: maximum number of runs at the same time. Default: as before.
            max_duration_minutes: maximum duration in minutes. Default: as before.
            environment_variables: environment variables. Their values are secrets, which are not kept after the end of
                a sweep, so they must be passed again.

        Raises:
            UserErrorException: this sweep has not ended, has nothing left to do, or had secrets that were not passed.
            NotFoundException: the run is not a sweep.
        """
        told = self._call("GET", "sweep")
        if self.get_status() not in states.TERMINAL:
            raise UserErrorException(
                f"Sweep '{self.id}' has not ended. It goes on by itself, whatever happens to its service."
            )
        changed = {"max_concurrent_runs": max_concurrent_runs, "max_duration_minutes": max_duration_minutes}
        rest = rest_of(told, self.id, max_total_runs)
        rest.update((name, value) for name, value in changed.items() if value is not None)
        spec = with_secrets(told["spec"], self.id, environment_variables or {})
        body = {"submit_id": os.urandom(16).hex(), "sweep": rest, "spec": spec}
        workspace: Any = self._experiment.workspace
        return workspace.run_of(workspace.connection.call("POST", "/sweeps", body))  # type: ignore[no-any-return]

    def get_metrics(self) -> dict[str, Any]:  # type: ignore[override]  # no parameters in SDK v1
        """Return the metrics of the child runs, as a dict of run id → metrics."""
        return {run.id: run.get_metrics() for run in _children(self)}

    def get_diagnostics(self) -> None:
        """Raise an error: sweeps have no diagnostics.

        Raises:
            HyperDriveNotImplementedException: always.
        """
        raise HyperDriveNotImplementedException("A sweep has no diagnostics. Use get_details() and its log files.")

    def fail(self, *args: Any, **kwargs: Any) -> None:
        """Raise an error: a sweep cannot be marked as failed.

        Raises:
            HyperDriveNotImplementedException: always.
        """
        raise HyperDriveNotImplementedException("A sweep cannot be marked as failed. End it with cancel().")

    def _resumed(self) -> list[Run]:
        """Return the sweeps that this one resumes from."""
        if self._hyperdrive_config is not None:
            return list(self._hyperdrive_config._resume_from)
        earlier = json.loads(self.get_properties().get("resume_from") or "null") or []
        return [HyperDriveRun(self._experiment, run_id) for run_id in earlier]

    def _primary_metric(self) -> tuple[str, PrimaryMetricGoal]:
        config = self._hyperdrive_config
        if config is not None:
            return config._primary_metric_name, config._primary_metric_goal
        try:
            metric = json.loads({**self.get_tags(), **self.get_properties()}[_METRIC])
            return str(metric["name"]), PrimaryMetricGoal.from_str(metric["goal"])
        except (KeyError, TypeError, ValueError):
            raise HyperDriveConfigException(
                f"The primary metric of run '{self.id}' is unknown. "
                "Pass its configuration: HyperDriveRun(experiment, run_id, hyperdrive_config)."
            ) from None

    def _measured(self, sweep: Run) -> list[tuple[float | None, RunLike]]:
        """Return the child runs of a sweep, oldest first, each with its best value of the primary metric."""
        name, goal = self._primary_metric()
        best = max if goal is PrimaryMetricGoal.MAXIMIZE else min
        found: list[tuple[float | None, RunLike]] = []
        known = self._known_bests(sweep)
        for run in _children(sweep):
            if run.id in known:
                found.append((known[run.id], run))
                continue
            logged = run.get_metrics(name=name).get(name)
            series = logged if isinstance(logged, list) else [logged]
            values = [value for value in series if isinstance(value, (int, float)) and not math.isnan(value)]
            found.append((best(values) if values else None, run))
        return found

    def _known_bests(self, sweep: Run) -> dict[str, float | None]:
        """Return what the service knows of the children of a sweep with this primary metric: run id → best value."""
        name, goal = self._primary_metric()
        try:
            told = sweep._call("GET", "sweep")
        except NotFoundException:
            return {}  # runs that a program has logged as if they were a sweep
        if (told["sweep"]["metric"], told["sweep"]["maximize"]) != (name, goal is PrimaryMetricGoal.MAXIMIZE):
            return {}
        return {trial["run_id"]: trial["best"] for trial in told["trials"]}

    def _ranked(
        self, measured: list[tuple[float | None, RunLike]], reverse: bool = False
    ) -> list[tuple[float, RunLike]]:
        """Return the runs that have a value, best first. Runs with equal values keep their order."""
        sign = -1 if (self._primary_metric()[1] is PrimaryMetricGoal.MAXIMIZE) is not reverse else 1
        return sorted(((value, run) for value, run in measured if value is not None), key=lambda pair: sign * pair[0])


def _children(sweep: Run) -> list[RunLike]:
    """Return the child runs of a sweep, oldest first."""
    return list(sweep.get_children())[::-1]


def _parameters(run: RunLike) -> str:
    return run.get_tags().get(_PARAMETERS) or run.get_properties().get(_PARAMETERS) or "{}"
