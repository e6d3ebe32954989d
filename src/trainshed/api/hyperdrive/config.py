"""Configuration of hyperparameter sweeps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.checks import checked
from trainshed.api.hyperdrive.goal import PrimaryMetricGoal
from trainshed.api.hyperdrive.policy import EarlyTerminationPolicy, NoTerminationPolicy
from trainshed.api.hyperdrive.sampling import HyperParameterSampling
from trainshed.api.runs.run import Run
from trainshed.api.training.estimator_base import MMLBaseEstimator
from trainshed.api.training.script_run_config import ScriptRunConfig
from trainshed.client.notice import warn
from trainshed.errors import HyperDriveConfigException, HyperDriveScenarioNotSupportedException
from trainshed.spec.sweep import BAYESIAN, SAMPLINGS

if TYPE_CHECKING:
    from trainshed.api.configuration.runconfig import Submission
    from trainshed.spec.sweep import SweepSpec

MAX_DURATION_MINUTES = 10080
"""Default duration limit of a sweep, as in SDK v1: one week."""
_MAX_PARENTS = 5


_REQUIRED = ("hyperparameter_sampling", "primary_metric_name", "primary_metric_goal", "max_total_runs")


class HyperDriveConfig:
    """Configuration of a hyperparameter sweep, which ``experiment.submit()`` runs.

    Args:
        hyperparameter_sampling: parameter space and sampling method.
        primary_metric_name: name of the logged metric to optimize.
        primary_metric_goal: whether to maximize or minimize the metric.
        max_total_runs: maximum number of runs.
        max_concurrent_runs: maximum number of runs at the same time. Default: ``max_total_runs``.
        max_duration_minutes: maximum duration of the sweep in minutes. Runs that have not ended by then are canceled.
        policy: early termination policy. Default: none. Bayesian sampling uses none.
        estimator: estimator to run; pass exactly one of ``estimator`` and ``run_config``.
        run_config: ScriptRunConfig to run.
        pipeline: not supported.
        resume_from: earlier sweeps (1 to 5) whose results to use: Bayesian sampling learns from them, and policies
            compare with them.
        resume_child_runs: runs of earlier sweeps. The first runs of this sweep have the same parameters, and their
            scripts get ``--resume-from`` with a folder that contains the outputs of the run.
        debug_flag: ignored.
        custom_run_id: id of the sweep's own run.

    Raises:
        TypeError: a parameter is unknown. The message suggests the closest match.
        HyperDriveConfigException: a parameter has the wrong type, or parameters contradict each other.
        HyperDriveScenarioNotSupportedException: a pipeline is passed.

    Example:
        >>> from trainshed import Estimator
        >>> from trainshed.api.hyperdrive import HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling, uniform
        >>> HyperDriveConfig(
        ...     estimator=Estimator("./src", compute_target="local", entry_script="train.py"),
        ...     hyperparameter_sampling=RandomParameterSampling({"--alpha": uniform(0, 1)}),
        ...     primary_metric_name="mse",
        ...     primary_metric_goal=PrimaryMetricGoal.MINIMIZE,
        ...     max_total_runs=8,
        ... ).source_directory
        './src'
    """

    @checked(HyperDriveConfigException)
    def __init__(
        self,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: int = MAX_DURATION_MINUTES,
        policy: EarlyTerminationPolicy | None = None,
        estimator: MMLBaseEstimator | None = None,
        run_config: ScriptRunConfig | None = None,
        resume_from: Any = None,
        resume_child_runs: Run | Sequence[Run] | None = None,
        pipeline: Any = None,
        debug_flag: dict[str, Any] | None = None,
        custom_run_id: str | None = None,
    ) -> None:
        required = (hyperparameter_sampling, primary_metric_name, primary_metric_goal, max_total_runs)
        for name, value in zip(_REQUIRED, required, strict=True):
            if value is None:
                raise HyperDriveConfigException(f"HyperDriveConfig: {name} is missing.")
        _check_work(estimator, run_config, pipeline)
        self._resume_from = _runs_of("resume_from", resume_from, _MAX_PARENTS)
        self._resume_child_runs = _runs_of("resume_child_runs", resume_child_runs)
        self._estimator, self._run_config = estimator, run_config
        self._sampling = hyperparameter_sampling
        self._policy = policy or NoTerminationPolicy()
        self._primary_metric_name, self._primary_metric_goal = primary_metric_name, primary_metric_goal
        self._max_total_runs = max_total_runs
        self._max_concurrent_runs = max_total_runs if max_concurrent_runs is None else max_concurrent_runs
        self._max_duration_minutes = max_duration_minutes
        self._custom_run_id = custom_run_id
        arguments = self._runs.run_config.arguments if estimator else self._runs.arguments
        _warn_of(self._sampling, policy, arguments or [])

    @property
    def _runs(self) -> Any:
        return self._estimator or self._run_config

    @property
    def estimator(self) -> MMLBaseEstimator | None:
        """Estimator to run, or None."""
        return self._estimator

    @property
    def run_config(self) -> ScriptRunConfig | None:
        """ScriptRunConfig to run, or None."""
        return self._run_config

    @property
    def pipeline(self) -> None:
        """Always None: pipelines are not supported."""
        return

    @property
    def source_directory(self) -> str:
        """Source folder of the script."""
        return str(self._runs.source_directory)

    def _sweep(self, overrides: dict[str, Any]) -> tuple[SweepSpec, str | None]:
        """Return how to sweep, and the id of the sweep's run if it is to have a certain one.

        Args:
            overrides: of this submit; those that concern the sweep are removed.
        """
        from trainshed.api.hyperdrive.to_sweep import to_sweep

        return to_sweep(self, overrides.pop("max_retries", 0)), self._custom_run_id

    def _submission(self, overrides: Mapping[str, Any]) -> Submission:
        """Return the source folder and run configuration of each run, with the overrides of this submit applied."""
        submission: Submission = self._runs._submission(overrides)
        self._check_script(submission)
        return submission

    def _check_script(self, submission: Submission) -> None:
        """Warn if the script seems not to accept the parameters."""
        from trainshed.api.hyperdrive.script_options import not_accepted

        script = submission.config.script or ""
        try:
            with open(os.path.join(submission.folder, script), encoding="utf-8") as file:
                refused = not_accepted(file.read(), self._sampling.parameter_space) if script.endswith(".py") else ""
        except (OSError, ValueError):
            return  # a script that is not there is refused elsewhere
        if refused:
            warn(
                f"The script '{script}' does not seem to accept {refused} Add it to the script, for example with "
                "parser.add_argument, or change the name of the parameter."
            )

    def __repr__(self) -> str:
        return (
            f"HyperDriveConfig({self._sampling!r}, {self._primary_metric_name!r}, {self._primary_metric_goal}, "
            f"max_total_runs={self._max_total_runs}, policy={self._policy!r})"
        )


class HyperDriveRunConfig(HyperDriveConfig):
    """Former name of :class:`HyperDriveConfig`, with ``estimator`` as the first parameter. Deprecated.

    Args:
        estimator: estimator to run.
        *settings: parameters of :class:`HyperDriveConfig`, from ``hyperparameter_sampling`` to ``policy``.
        **named: parameters of :class:`HyperDriveConfig`.

    Raises:
        HyperDriveConfigException: see :class:`HyperDriveConfig`.

    Example:
        >>> space = GridParameterSampling({"--alpha": choice(0.1, 1.0)})
        >>> HyperDriveRunConfig(estimator, space, "mse", PrimaryMetricGoal.MINIMIZE, 2).estimator is estimator
        True
    """

    def __init__(self, estimator: MMLBaseEstimator, *settings: Any, **named: Any) -> None:
        warn("'HyperDriveRunConfig' is deprecated; use HyperDriveConfig.")
        super().__init__(*settings, **{**named, "estimator": estimator})


def _check_work(estimator: Any, run_config: Any, pipeline: Any) -> None:
    given = {"estimator": estimator, "run_config": run_config, "pipeline": pipeline}
    kinds = [name for name, value in given.items() if value is not None]
    if len(kinds) != 1:
        passed = " and ".join(kinds) or "none of them"
        raise HyperDriveConfigException(
            f"HyperDriveConfig: pass exactly one of estimator, run_config and pipeline; you passed {passed}."
        )
    if pipeline is not None:
        raise HyperDriveScenarioNotSupportedException(
            "HyperDriveConfig: pipelines are not supported. Pass an estimator, or a ScriptRunConfig as run_config."
        )


def _runs_of(name: str, given: Any, most: int | None = None) -> list[Run]:
    """Return a parameter's value (one run, several or None) as a list of runs."""
    runs = [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
    if most is not None and len(runs) > most:
        raise HyperDriveConfigException(f"HyperDriveConfig: {name} accepts at most {most} sweeps, not {len(runs)}.")
    for run in runs:
        if not isinstance(run, Run):
            raise HyperDriveConfigException(f"HyperDriveConfig: {name} must contain runs, not {type(run).__name__}.")
    return runs


def _warn_of(sampling: HyperParameterSampling, policy: EarlyTerminationPolicy | None, arguments: Sequence[Any]) -> None:
    """Warn about settings that have no effect."""
    flags = {value.lstrip("-") for value in arguments if isinstance(value, str) and value.startswith("-")}
    overridden = [name for name in map(str, sampling.parameter_space) if name.lstrip("-") in flags]
    if overridden:
        names = ", ".join(overridden)
        warn(f"HyperDriveConfig: the sweep's values of {names} replace those in the script's arguments.")
    is_bayesian = sampling._name in (BAYESIAN, SAMPLINGS[BAYESIAN])
    if is_bayesian and not isinstance(policy, (NoTerminationPolicy, type(None))):
        warn(f"HyperDriveConfig: {type(policy).__name__} cannot be used with BayesianParameterSampling.")
