"""Early termination policies. A new one is a function here and its row in the table.

A policy judges a trial when it logs the value of an interval, with the values that all trials have logged by then, and
compares all of them *at the same interval*: what others have logged later does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from trainshed.spec import sweep
from trainshed.spec.sweep import PolicySpec
from trainshed.sweeps.field import Field
from trainshed.sweeps.trial import Trial, best, is_worse, rank

Rule = Callable[[PolicySpec, Trial, Sequence[Trial], Field, bool, int], bool]
"""Tells whether a policy stops a trial at an interval, given others, itself included, those ended, and the goal."""


def first_stop(
    policy: PolicySpec,
    trial: Trial,
    trials: Sequence[Trial],
    maximize: bool,
    judged: int = 0,
    field: Field | None = None,
) -> int | None:
    """Return the first interval at which a policy stops a trial, or None if it goes on.

    Args:
        policy: the policy.
        trial: the trial.
        trials: all trials of the sweep, and of those that it resumes from. The trial itself may be among them.
        maximize: whether larger values are better.
        judged: the last interval that has been judged before.
        field: more trials, which have ended and are none of ``trials``; with many of them, this is faster.

    Example:
        >>> good, bad = Trial(0, {}, [0.5, 0.9]), Trial(1, {}, [0.5, 0.6])
        >>> first_stop(PolicySpec("bandit", slack_amount=0.1), bad, [good], maximize=True)
        2
    """
    rule = _RULES[policy.name]
    ended = Field(maximize) if field is None else field
    everyone = [each for each in trials if each.number != trial.number] + [trial]
    for interval in intervals(policy, judged, len(trial.values)):
        if rule(policy, trial, everyone, ended, maximize, interval):
            return interval
    return None


def intervals(policy: PolicySpec, judged: int, logged: int) -> Iterable[int]:
    """Return the intervals at which a policy judges a trial.

    Args:
        policy: the policy.
        judged: the last interval that has been judged before.
        logged: number of values that the trial has logged.

    Example:
        >>> list(intervals(PolicySpec("bandit", 2, 5, slack_factor=0.1), 0, 9))
        [6, 8]
    """
    if policy.name == sweep.NO_POLICY:
        return ()
    if policy.name == sweep.ASHA:
        rungs = _rungs(policy, logged)
        return [rung for rung in rungs if rung > judged]
    step = policy.evaluation_interval
    first = max(judged + 1, policy.delay_evaluation, 1)
    return range(-(-first // step) * step, logged + 1, step)


def _rungs(policy: PolicySpec, logged: int) -> list[int]:
    """Return the rungs of ASHA, each ``reduction_factor`` times the one below."""
    rung, found = max(policy.evaluation_interval, policy.delay_evaluation), []
    while rung <= logged:
        found.append(rung)
        rung *= policy.reduction_factor
    return found


def _bandit(
    policy: PolicySpec, trial: Trial, trials: Sequence[Trial], field: Field, maximize: bool, interval: int
) -> bool:
    """Stop a trial whose best value, with the slack, is still worse than the best of all."""
    bests = [field.leader(interval), *(best(each.values, maximize, interval) for each in trials)]
    known = [found for found in bests if found is not None]
    own = best(trial.values, maximize, interval)
    if not known or own is None:
        return bool(known)
    leader = max(known) if maximize else min(known)
    if policy.slack_factor is None:
        amount = policy.slack_amount or 0.0
        return is_worse(own, leader - amount if maximize else leader + amount, maximize)
    ratio = 1 + policy.slack_factor
    return own * ratio < leader if maximize else own > leader * ratio


def _median(
    policy: PolicySpec, trial: Trial, trials: Sequence[Trial], field: Field, maximize: bool, interval: int
) -> bool:
    """Stop a trial whose best value is worse than the median of all trials' averages."""
    averages = field.averages(interval, trials)
    own = best(trial.values, maximize, interval)
    if not averages or own is None:
        return bool(averages)
    middle = len(averages) // 2
    median = averages[middle] if len(averages) % 2 else (averages[middle - 1] + averages[middle]) / 2
    return is_worse(own, median, maximize)


def _truncation(
    policy: PolicySpec, trial: Trial, trials: Sequence[Trial], field: Field, maximize: bool, interval: int
) -> bool:
    """Stop a trial among the lowest percentage of those that are, were or ended at this interval."""

    def is_compared(each: Trial) -> bool:
        if each.number == trial.number or not each.values:
            return each.number == trial.number
        return not policy.exclude_finished if each.ended else len(each.values) >= interval

    own = rank(trial, maximize, interval)
    pool = [rank(each, maximize, interval) for each in trials if is_compared(each)]
    better, ended = (0, 0) if policy.exclude_finished else field.position(own, interval, reached=False)
    count = len(pool) + ended
    return better + sum(each < own for each in pool) >= count - count * policy.truncation_percentage // 100


def _asha(
    policy: PolicySpec, trial: Trial, trials: Sequence[Trial], field: Field, maximize: bool, interval: int
) -> bool:
    """Stop a trial that is not among the best of those that have reached this rung, one in ``reduction_factor``."""
    own = rank(trial, maximize, interval)
    pool = [rank(each, maximize, interval) for each in trials if len(each.values) >= interval]
    better, ended = field.position(own, interval, reached=True)
    going_on = -(-(len(pool) + ended) // policy.reduction_factor)
    return better + sum(each < own for each in pool) >= going_on


_RULES: dict[str, Rule] = {
    sweep.BANDIT: _bandit,
    sweep.MEDIAN_STOPPING: _median,
    sweep.TRUNCATION_SELECTION: _truncation,
    sweep.ASHA: _asha,
    sweep.NO_POLICY: lambda *_: False,
}
