"""SweepSpec: the complete specification of a hyperparameter sweep, except for what each of its trials runs."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import FrozenSet, Optional, Tuple

RANDOM = "random"
GRID = "grid"
BAYESIAN = "bayesian"
SAMPLINGS = {RANDOM: "RANDOM", GRID: "GRID", BAYESIAN: "BayesianOptimization"}
"""Sampling methods, and what SDK v1 calls them. Each is the module ``sampler_<name>`` of :mod:`trainshed.sweeps`."""

NO_POLICY = "none"
BANDIT = "bandit"
MEDIAN_STOPPING = "median_stopping"
TRUNCATION_SELECTION = "truncation_selection"
ASHA = "asha"
POLICIES = {
    BANDIT: "Bandit",
    MEDIAN_STOPPING: "MedianStopping",
    TRUNCATION_SELECTION: "TruncationSelection",
    ASHA: "ASHA",
}
"""Early termination policies, and what SDK v1 calls them. Each is a function of :mod:`trainshed.sweeps.policies`."""


FROM_OUTSIDE: FrozenSet[str] = frozenset({"host_lost", "node_fail", "oom", "oom_child", "preempted", "shim_lost"})
"""Reasons for which a trial failed that say nothing about its parameters."""

RESUMED_ON = "workspaceblobstore"
"""Datastore with the outputs of runs that are resumed."""


def resumed_path(run_id: str) -> str:
    """Return where the outputs of a run that is resumed are, on :data:`RESUMED_ON`."""
    return f"resumed/{run_id}"


class PolicySpec(Record):
    """An early termination policy.

    Each value that a trial logs as the primary metric is one *interval*. The policy judges a trial at each interval
    that is a multiple of ``evaluation_interval`` and not below ``delay_evaluation``.

    Attributes:
        name: one of :data:`POLICIES`.
        evaluation_interval: number of intervals between two judgements (≥ 1).
        delay_evaluation: first interval that may be judged.
        slack_factor: of ``"bandit"``: allowed distance from the best trial, as a ratio.
        slack_amount: of ``"bandit"``: allowed distance from the best trial, as an absolute value.
        truncation_percentage: of ``"truncation_selection"``: percentage of trials to stop (1 to 99).
        exclude_finished: of ``"truncation_selection"``: compare only trials that have not ended.
        reduction_factor: of ``"asha"``: one in so many trials goes on at each rung (≥ 2).

    Example:
        >>> PolicySpec("bandit", slack_factor=0.1).evaluation_interval
        1
    """

    name: str = NO_POLICY
    evaluation_interval: int = 1
    delay_evaluation: int = 0
    slack_factor: Optional[float] = None
    slack_amount: Optional[float] = None
    truncation_percentage: int = 10
    exclude_finished: bool = False
    reduction_factor: int = 3


class SweepSpec(Record):
    """Specification of a sweep.

    Attributes:
        sampling: one of :data:`SAMPLINGS`.
        space: the parameter space as JSON: name → value, or → expression in SDK v1's notation.
        metric: name of the metric to optimize.
        maximize: whether larger values of the metric are better.
        max_total_runs: maximum number of trials.
        max_concurrent_runs: maximum number of trials at the same time.
        max_duration_minutes: maximum duration of the sweep.
        policy: early termination policy.
        seed: seed of everything that is random.
        resume_from: ids of earlier sweeps whose trials are known from the start.
        resume_trials: ids of runs whose parameters are tried first.
        max_retries: how often a trial is repeated that failed for a reason outside of its script.
        first: sets of parameters, as JSON, that are tried first, after those of ``resume_trials``.
        begun: how many trials the sampling method has chosen before, if this sweep is the rest of another one.

    Example:
        >>> SweepSpec("random", '{"--alpha": ["uniform", [0, 1]]}', "mse", False, 8, 2).seed
        0
    """

    sampling: str
    space: str
    metric: str
    maximize: bool
    max_total_runs: int
    max_concurrent_runs: int
    max_duration_minutes: float = 10080.0
    policy: PolicySpec = PolicySpec()
    seed: int = 0
    resume_from: Tuple[str, ...] = ()
    resume_trials: Tuple[str, ...] = ()
    max_retries: int = 0
    first: Tuple[str, ...] = ()
    begun: int = 0
