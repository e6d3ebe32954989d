"""Policies against an oracle that reads the definitions word by word, on random histories."""

from __future__ import annotations

import math
import os
import random
import statistics

import pytest

from trainshed.spec.sweep import (
    ASHA,
    BANDIT,
    MEDIAN_STOPPING,
    NO_POLICY,
    POLICIES,
    TRUNCATION_SELECTION,
    PolicySpec,
)
from trainshed.sweeps.field import Field
from trainshed.sweeps.policies import first_stop
from trainshed.sweeps.trial import Trial

HISTORIES = int(os.environ.get("TRAINSHED_TEST_HISTORIES") or 10_000)
NAN = math.nan


def stops(policy: PolicySpec, values: list[float], trials: list[Trial], maximize: bool) -> bool:
    """Return what the documentation says about a trial that logged values, among others; the naive way.

    Args:
        policy: the policy.
        values: what the trial, which is the last of ``trials``, has logged up to this interval.
        trials: all trials.
        maximize: the goal.
    """
    sign = 1 if maximize else -1
    interval = len(values)
    until = [[sign * value for value in each.values[:interval] if value == value] for each in trials]
    bests = [max(each) for each in until if each]
    own = max(until[-1], default=None)
    if policy.name == BANDIT:
        if own is None or not bests:
            return bool(bests)
        if policy.slack_factor is not None:
            factor = 1 + policy.slack_factor
            return own * factor < max(bests) if maximize else -own > -max(bests) * factor
        assert policy.slack_amount is not None
        return own < max(bests) - policy.slack_amount
    if policy.name == MEDIAN_STOPPING:
        averages = [sum(each) / len(each) for each in until if each]
        averages = [each for each in averages if each == each]
        if own is None or not averages:
            return bool(averages)
        return own < statistics.median(averages)
    if policy.name == ASHA:
        pool = [number for number, each in enumerate(trials) if len(each.values) >= interval]
        going_on = math.ceil(len(pool) / policy.reduction_factor)
    else:
        pool = [
            number
            for number, each in enumerate(trials)
            if number == len(trials) - 1
            or (each.ended and each.values and not policy.exclude_finished)
            or (not each.ended and len(each.values) >= interval)
        ]
        going_on = len(pool) - math.floor(len(pool) * policy.truncation_percentage / 100)
    ranked = sorted(pool, key=lambda number: (-max(until[number], default=-math.inf), trials[number].number))
    return ranked.index(len(trials) - 1) >= going_on


def is_judged(policy: PolicySpec, interval: int) -> bool:
    if policy.name == ASHA:
        rung = max(policy.evaluation_interval, policy.delay_evaluation)
        return interval in [rung * policy.reduction_factor**power for power in range(12)]
    return interval % policy.evaluation_interval == 0 and interval >= policy.delay_evaluation


def random_policy(name: str, dice: random.Random) -> PolicySpec:
    settings: dict[str, float | int | bool] = {}
    if name == BANDIT:
        settings = {dice.choice(["slack_factor", "slack_amount"]): dice.choice([0, 0.1, 0.5, 2])}
    if name == TRUNCATION_SELECTION:
        settings = {"truncation_percentage": dice.randint(1, 99), "exclude_finished": dice.random() < 0.5}
    if name == ASHA:
        settings = {"reduction_factor": dice.randint(2, 4)}
    return PolicySpec(name, dice.randint(1, 3), dice.randint(0, 5), **settings)  # type: ignore[arg-type]


def random_values(dice: random.Random) -> list[float]:
    """Values with many ties, also none at all, NaN and infinity."""
    pool = [0.0, 0.25, 0.5, 0.5, 0.75, 1.0, -1.0, dice.uniform(-2, 2), NAN, math.inf, -math.inf]
    kinds = pool if dice.random() < 0.3 else pool[:8]
    return [dice.choice(kinds) for _ in range(dice.randint(0, 12))]


@pytest.mark.parametrize("name", [name for name in POLICIES if name != NO_POLICY])
def test_a_policy_is_what_its_definition_says(name: str) -> None:
    dice = random.Random(f"{name} {os.environ.get('TRAINSHED_TEST_SEED', '0')}")
    stopped = 0
    for _ in range(HISTORIES):
        policy, maximize = random_policy(name, dice), dice.random() < 0.5
        others = [Trial(number, {}, random_values(dice), dice.random() < 0.5) for number in range(dice.randint(0, 6))]
        values = random_values(dice)
        judged = dice.choice([0, 0, dice.randint(0, len(values))])
        number = dice.choice([len(others), -1])  # the oldest or the youngest: ties are decided by age
        trial = Trial(number, {}, values)
        expected = None
        for interval in range(judged + 1, len(values) + 1):
            now = [*others, trial]
            if is_judged(policy, interval) and stops(policy, values[:interval], now, maximize):
                expected = interval
                break
        assert first_stop(policy, trial, others, maximize, judged) == expected, (policy, maximize, others, trial)
        assert first_stop(policy, trial, [*others, trial], maximize, judged) == expected
        # As a sweep does it, which keeps those that have ended apart, and learns of them one after the other.
        field, going = Field(maximize), [each for each in others if not each.ended]
        for each in others:
            if each.ended:
                first_stop(policy, trial, going, maximize, judged, field)
                field.add(each)
        assert first_stop(policy, trial, going, maximize, judged, field) == expected
        stopped += expected is not None
    assert 0.05 * HISTORIES < stopped < 0.95 * HISTORIES


@pytest.mark.parametrize(
    ("policy", "maximize", "logged", "at"),
    [
        # The documentation's example: the best is 0.8, so with a slack of 0.2 less than 0.8 / 1.2 is stopped.
        (PolicySpec(BANDIT, slack_factor=0.2), True, ([0.8], [0.66]), 1),
        (PolicySpec(BANDIT, slack_factor=0.2), True, ([0.8], [0.67]), None),
        (PolicySpec(BANDIT, slack_amount=0.2), True, ([0.8], [0.59]), 1),
        (PolicySpec(BANDIT, slack_amount=0.25), True, ([0.75], [0.5]), None),
        (PolicySpec(BANDIT, slack_factor=0.5), False, ([1.0], [1.6]), 1),
        (PolicySpec(BANDIT, slack_factor=0.5), False, ([1.0], [1.5]), None),
        # What others log later does not count, and what a trial has reached before does.
        (PolicySpec(BANDIT, slack_amount=0.1), True, ([0.5, 0.9], [0.5]), None),
        (PolicySpec(BANDIT, slack_amount=0.1), True, ([0.5, 0.9], [0.9, 0.1]), None),
        # First at an interval that is a multiple, and not below the delay.
        (PolicySpec(BANDIT, 2, 5, slack_amount=0.1), True, ([0.9] * 9, [0.1] * 9), 6),
        (PolicySpec(BANDIT, 1, 5, slack_amount=0.1), True, ([0.9] * 9, [0.1] * 4), None),
        (PolicySpec(MEDIAN_STOPPING), True, ([0.2, 0.4], [0.6, 0.8], [0.1, 0.3]), 1),
        (PolicySpec(MEDIAN_STOPPING, 2), True, ([0.2, 0.4], [0.6, 0.8], [0.1, 0.31]), None),
        (PolicySpec(MEDIAN_STOPPING, 2), True, ([0.2, 0.4], [0.6, 0.8], [0.1, 0.29]), 2),
        (PolicySpec(TRUNCATION_SELECTION, truncation_percentage=20), True, ([0.5], [0.5], [0.5], [0.5], [0.4]), 1),
        (PolicySpec(TRUNCATION_SELECTION, truncation_percentage=20), True, ([0.5], [0.5], [0.5], [0.4]), None),
        (PolicySpec(TRUNCATION_SELECTION, truncation_percentage=50), True, ([0.5], [0.5]), 1),
        (PolicySpec(ASHA, reduction_factor=2), True, ([0.9], [0.8]), 1),
        (PolicySpec(ASHA, reduction_factor=2), True, ([0.8], [0.9, 0.9]), None),
        (PolicySpec(NO_POLICY), True, ([0.9], [0.1]), None),
        # A diverged trial is the worst, if others have a value.
        (PolicySpec(BANDIT, slack_factor=9.0), False, ([0.9], [NAN]), 1),
        (PolicySpec(MEDIAN_STOPPING), False, ([0.9], [NAN, NAN]), 1),
        (PolicySpec(MEDIAN_STOPPING), False, ([], [NAN, NAN]), None),
    ],
)
def test_examples(policy: PolicySpec, maximize: bool, logged: tuple[list[float], ...], at: int | None) -> None:
    trials = [Trial(number, {}, values) for number, values in enumerate(logged)]
    assert first_stop(policy, trials[-1], trials, maximize) == at


def test_finished_trials_can_be_excluded() -> None:
    finished = [Trial(number, {}, [0.9], ended=True) for number in range(4)]
    last = Trial(4, {}, [0.1, 0.1])
    policy = PolicySpec(TRUNCATION_SELECTION, truncation_percentage=50)
    assert first_stop(policy, last, finished, maximize=True) == 1
    assert first_stop(policy._replace(exclude_finished=True), last, finished, maximize=True) is None
