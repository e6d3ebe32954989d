"""Which parameters mattered, on functions whose shares of the variance are known."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

from trainshed.sweeps.importance import importance
from trainshed.sweeps.space import dimensions

SPACE = {
    "x": ["uniform", [0, 1]],
    "y": ["loguniform", [-9, -3]],
    "kind": ["choice", [["a", "b"]]],
    "nothing": ["normal", [0, 1]],
    "fixed": 7,
}
AXES = dimensions(json.dumps(SPACE))


def drawn(count: int, seed: int = 1) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [{name: axis.value(rng.random()) for name, axis in AXES.items()} for _ in range(count)]


def value(trial: dict[str, Any]) -> float:
    """Variances: 9/12 by x, 3/12 by y, 1/16 by the kind."""
    found: float = 3 * trial["x"] + math.sqrt(3) * (math.log(trial["y"]) + 6) / 6
    return found + (0.25 if trial["kind"] == "a" else -0.25)


KNOWN = {"x": 12 / 17, "y": 4 / 17, "kind": 1 / 17, "nothing": 0.0}


@pytest.mark.parametrize(("count", "near"), [(60, 0.12), (3000, 0.03)])
def test_shares_are_those_that_are_known(count: int, near: float) -> None:
    found = {each.name: each.share for each in importance([(t, value(t)) for t in drawn(count)], AXES, True)}
    assert found == {name: pytest.approx(share, abs=near) for name, share in KNOWN.items()}
    assert list(found)[:2] == ["x", "y"]


def test_few_trials_say_nothing_more_often_than_not() -> None:
    """What does not matter has no share on average, however few trials there are."""
    shares = []
    for seed in range(40):
        rng = random.Random(seed)
        found = importance([(trial, rng.random()) for trial in drawn(20, seed)], AXES, True)
        shares += [each.share for each in found]
    assert sum(shares) / len(shares) < 0.08


def test_a_valley_is_seen_and_its_ground_is_told() -> None:
    trials = [(trial, (trial["x"] - 0.5) ** 2) for trial in drawn(400)]
    first = importance(trials, AXES, maximize=False)[0]
    assert first.name == "x"
    assert first.share > 0.9
    assert 0.4 < first.best[0] < 0.5 < first.best[1] < 0.6


def test_a_diverged_training_does_not_hide_the_rest() -> None:
    trials = [(trial, value(trial)) for trial in drawn(300)]
    trials[5] = (trials[5][0], 1e30)
    trials[6] = (trials[6][0], math.inf)
    trials[7] = (trials[7][0], math.nan)
    found = {each.name: each.share for each in importance(trials, AXES, maximize=False)}
    assert found["x"] == pytest.approx(KNOWN["x"], abs=0.12)


def test_what_cannot_be_said_is_not() -> None:
    nine = [(trial, value(trial)) for trial in drawn(9)]
    assert importance(nine, AXES, True) == []
    same = [(trial, 1.0) for trial in drawn(30)]
    assert {each.share for each in importance(same, AXES, True)} == {0.0}
    others = [({"x": "a text"}, 1.0 * number) for number in range(30)]
    assert importance(others, AXES, True) == []
