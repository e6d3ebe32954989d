"""Samplers: the same of the same, nothing twice, and better than chance."""

from __future__ import annotations

import itertools
import json
import math
import random
import statistics
import subprocess
import sys
from typing import Any

import pytest

from trainshed.errors import UserErrorException
from trainshed.spec.sweep import BAYESIAN, GRID, RANDOM, SAMPLINGS
from trainshed.sweeps import sampler_bayesian, tpe
from trainshed.sweeps.known import Known
from trainshed.sweeps.samplers import propose
from trainshed.sweeps.space import Dimension, Integers, Numbers, Options, dimensions, size
from trainshed.sweeps.trial import Trial

EVERYTHING: dict[str, Any] = {
    "--choice": ["choice", [["adam", "sgd", None, [1, 2]]]],
    "--ordered": ["choice", [[16, 32, 64]]],
    "--randint": ["randint", [5]],
    "--uniform": ["uniform", [-1, 2.5]],
    "--quniform": ["quniform", [16, 128, 16]],
    "--loguniform": ["loguniform", [-6, -1]],
    "--qloguniform": ["qloguniform", [0, 4, 1]],
    "--normal": ["normal", [10, 3]],
    "--qnormal": ["qnormal", [10, 3, 0.5]],
    "--lognormal": ["lognormal", [0, 1]],
    "--qlognormal": ["qlognormal", [1, 1, 1]],
    "--plain": "as it is",
}
COUNT = 14
SMALL = {"--a": ["choice", [["x", "y", "z"]]], "--b": ["randint", [4]], "--c": ["quniform", [0, 1, 0.5]]}


def played(
    sampling: str, space: dict[str, Any], count: int, at_once: int = 1, seed: int = 7
) -> list[dict[str, Any] | None]:
    """Return the parameters of a sweep in which trials end in turn, ``at_once`` at the same time."""
    trials: list[Trial] = []
    found = []
    for number in range(count):
        parameters = propose(sampling, Known(json.dumps(space), seed, False, trials), number)
        found.append(parameters)
        if parameters is None:
            break
        trials.append(Trial(number, parameters))
        if number + 1 >= at_once:
            ended = trials[number + 1 - at_once]
            values = [cost(ended.parameters)] if (number + 1 - at_once) % 7 else []
            trials[ended.number] = ended._replace(values=values, ended=True)
    return found


def cost(parameters: Any) -> float:
    return sum(value for value in parameters.values() if isinstance(value, (int, float)))


@pytest.mark.parametrize("sampling", [RANDOM, BAYESIAN])
@pytest.mark.parametrize("at_once", [1, 4])
def test_the_same_seed_gives_the_same_parameters(sampling: str, at_once: int) -> None:
    first = played(sampling, EVERYTHING, COUNT, at_once)
    assert first == played(sampling, EVERYTHING, COUNT, at_once)
    assert first != played(sampling, EVERYTHING, COUNT, at_once, seed=8)
    assert len({json.dumps(each) for each in first}) == COUNT


def test_another_process_gives_the_same_parameters() -> None:
    code = (
        "import json; from trainshed.sweeps.known import Known; from trainshed.sweeps.samplers import propose\n"
        f"print(json.dumps([propose('random', Known({json.dumps(EVERYTHING)!r}, 3, True), n) for n in range(9)]))"
    )
    space = json.dumps(EVERYTHING)
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout
    assert json.loads(told) == [propose(RANDOM, Known(space, 3, True), number) for number in range(9)]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("at_once", [1, 5])
def test_a_space_with_an_end_is_tried_completely_and_nothing_twice(sampling: str, at_once: int) -> None:
    found = played(sampling, SMALL, 50, at_once)
    assert found[36:] == [None]
    everything = itertools.product("xyz", range(4), (0.0, 0.5, 1.0))
    assert sorted(tuple(each.values()) for each in found if each) == sorted(everything)


def test_a_grid_is_in_order_and_needs_an_end() -> None:
    found = played(GRID, {"--a": ["choice", [[1, 2, 1]]], "--b": ["choice", [["x", "y"]]]}, 9)
    assert [tuple(each.values()) for each in found if each] == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]
    with pytest.raises(ValueError, match="limited number of values"):
        propose(GRID, Known('{"--a": ["uniform", [0, 1]]}', 0, True), 0)


def test_an_empty_space_has_one_trial() -> None:
    for sampling in SAMPLINGS:
        assert played(sampling, {}, 3) == [{}, None]


@pytest.mark.parametrize("name", EVERYTHING)
def test_values_are_drawn_as_v1_defines_them(name: str) -> None:
    expression: Any = EVERYTHING[name]
    dimension = dimensions(json.dumps({name: expression}))[name]
    dice = random.Random(1)
    values = [dimension.value(dice.random()) for _ in range(4000)]
    if name == "--plain":
        assert set(values) == {"as it is"}
        return
    kind, arguments = expression
    if kind == "choice":
        counts = {json.dumps(option): sum(value == option for value in values) for option in arguments[0]}
        assert all(abs(count / 4000 - 1 / len(counts)) < 0.04 for count in counts.values())
    elif kind == "randint":
        assert set(values) == set(range(5))
    else:
        check_distribution(kind, arguments, values)


def check_distribution(kind: str, arguments: list[float], values: list[float]) -> None:
    """Compare the middle of the values with that of the distribution, and see that they are multiples."""
    if kind.startswith("q"):
        step = arguments[2]
        assert all(math.isclose(value / step, round(value / step), abs_tol=1e-9) for value in values)
        if isinstance(step, int):
            assert all(isinstance(value, int) for value in values)  # for scripts that take a whole number
    log = "log" in kind
    middle = arguments[0] if kind.endswith("normal") else (arguments[0] + arguments[1]) / 2
    expected = math.exp(middle) if log else middle
    slack = arguments[2] if kind.startswith("q") else abs(expected) * 0.15
    assert abs(statistics.median(values) - expected) <= slack
    if kind in ("uniform", "loguniform"):
        low, high = (math.exp(bound) if log else bound for bound in arguments)
        assert low <= min(values) < max(values) <= high


@pytest.mark.parametrize(
    "dimension",
    [
        Options(["a", 1, 1.5, None, True]),
        Integers(1000),
        *[Numbers(f"{log}{kind}", 0.5, 2.0, step) for log in ("", "log") for kind in ("uniform", "normal")
          for step in (None, 1, 0.1, 0.25)],
    ],
)  # fmt: skip
def test_a_value_and_its_position_belong_together(dimension: Dimension) -> None:
    dice = random.Random(2)
    for _ in range(300):
        value = dimension.value(dice.random())
        again = dimension.value(dimension.unit(value))
        assert again == value or math.isclose(again, value, rel_tol=1e-6)
    for level in dimension.levels or ():
        value = dimension.value(level)
        assert dimension.value(dimension.unit(value)) == value
    if dimension.size is not None:
        assert len({json.dumps(dimension.value(level)) for level in dimension.levels or ()}) == dimension.size


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        ({"a": ["quniform", [1, 10, 3]]}, 4),
        ({"a": ["uniform", [0, 1]]}, None),
        ({"a": ["qnormal", [0, 1, 1]]}, None),
        ({"a": ["randint", [10**12]]}, None),
        ({"a": ["quniform", [0, 1, 1e-9]], "b": 1}, None),
        ({"a": 1, "b": [1, 2]}, 1),
    ],
)
def test_the_size_of_a_space(space: dict[str, Any], expected: int | None) -> None:
    assert size(json.dumps(space)) == expected


@pytest.mark.parametrize(
    "expression",
    [
        ["choose", [1]],
        ["choice", []],
        ["uniform", [0]],
        ["randint", [1, 2]],
        ["quniform", [0, 1]],
        ["loguniform", [0, 1000]],
    ],
)
def test_expressions_that_make_no_sense(expression: Any) -> None:
    with pytest.raises(UserErrorException, match=r"no parameter expression|no options|arguments|upper|too large"):
        dimensions(json.dumps({"a": expression}))


def test_random_values_do_not_depend_on_what_is_known() -> None:
    """So that a sweep that was killed draws what it would have drawn."""
    space = json.dumps({"--a": ["uniform", [0, 1]]})
    trials = [Trial(0, {"--a": 0.5}, [0.1], ended=True)]
    assert propose(RANDOM, Known(space, 1, True), 5) == propose(RANDOM, Known(space, 1, True, trials), 5)


def bowl(parameters: dict[str, Any]) -> float:
    """A valley with an unordered choice beside it; the least is 0."""
    away = {"a": 0.3, "b": 0.0, "c": 0.6}[parameters["--kind"]]
    x, y = parameters["--x"], parameters["--y"]
    return float((x - 0.3) ** 2 + (math.log10(y) + 2) ** 2 / 4 + (parameters["--n"] - 6) ** 2 / 50 + away)


def least(sampling: str, seed: int, trials: int, prior: list[Trial] | None = None) -> float:
    """Return the least cost that a sampler finds."""
    space = {
        "--x": ["uniform", [0, 1]],
        "--y": ["loguniform", [math.log(1e-4), 0]],
        "--n": ["randint", [12]],
        "--kind": ["choice", [["a", "b", "c"]]],
    }
    known: list[Trial] = list(prior or [])
    for number in range(trials):
        parameters = propose(sampling, Known(json.dumps(space), seed, False, known), number)
        assert parameters is not None
        known.append(Trial(number, parameters, [bowl(parameters)], ended=True))
    return min(trial.values[0] for trial in known if trial.number >= 0)


def test_bayesian_sampling_is_better_than_chance() -> None:
    pytest.importorskip("numpy")  # without it the parameters are random
    found = [least(BAYESIAN, seed, 30) for seed in range(3)]
    assert statistics.median(found) < 0.01
    assert statistics.median(found) < statistics.median([least(RANDOM, seed, 30) for seed in range(3)]) / 5


def test_bayesian_sampling_learns_from_earlier_sweeps() -> None:
    dice = random.Random(4)
    earlier = [{"--x": dice.random(), "--y": 10 ** dice.uniform(-4, 0), "--n": dice.randrange(12), "--kind": "b"}
               for _ in range(30)]  # fmt: skip
    prior = [Trial(-1 - number, each, [bowl(each)], ended=True) for number, each in enumerate(earlier)]
    elsewhere = Trial(-31, {"--other": 1}, [0.0], ended=True)  # of another space, so of no use
    assert least(BAYESIAN, 0, 5, [*prior, elsewhere]) < least(BAYESIAN, 0, 5)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e300, 0.0])
def test_bayesian_sampling_with_odd_values(value: float) -> None:
    space = json.dumps({"--a": ["uniform", [0, 1]]})
    trials = [Trial(number, {"--a": number / 9}, [value], ended=True) for number in range(10)]
    for maximize in (True, False):
        assert 0 <= (propose(BAYESIAN, Known(space, 0, maximize, trials), 10) or {})["--a"] <= 1


def test_without_numpy_rustuna_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rustuna")
    monkeypatch.setattr(sampler_bayesian, "find_spec", lambda _: None)
    found = [least(BAYESIAN, seed, 60) for seed in range(5)]
    assert found == [least(BAYESIAN, seed, 60) for seed in range(5)]
    assert statistics.median(found) < statistics.median([least(RANDOM, seed, 60) for seed in range(5)]) / 2
    space = json.dumps(SMALL)
    trials: list[Trial] = []
    while (parameters := propose(BAYESIAN, Known(space, 0, True, trials), len(trials))) is not None:
        trials.append(Trial(len(trials), parameters, [1.0] * (len(trials) % 2), ended=len(trials) % 3 > 0))
    assert len({json.dumps(trial.parameters) for trial in trials}) == len(trials) == size(space)


def test_without_numpy_and_rustuna_the_parameters_are_random(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (sampler_bayesian, tpe):
        monkeypatch.setattr(module, "find_spec", lambda _: None)
    space = json.dumps({"--a": ["uniform", [0, 1]]})
    trials = [Trial(number, {"--a": number / 9}, [1.0], ended=True) for number in range(10)]
    assert propose(BAYESIAN, Known(space, 0, True, trials), 10) == propose(RANDOM, Known(space, 0, True), 10)
