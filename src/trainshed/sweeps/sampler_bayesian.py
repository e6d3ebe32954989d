"""Bayesian sampling: the parameters that promise the largest improvement, by a Gaussian process of all trials.

It needs numpy (``pip install 'trainshed[sweeps]'``). Without it, Rustuna's estimators choose, if that is installed, or
chance.
"""

from __future__ import annotations

import math
import os
import random
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from trainshed.sweeps import sampler_random, tpe
from trainshed.sweeps.known import Known
from trainshed.sweeps.space import key_of, size
from trainshed.sweeps.trial import Trial, best

if TYPE_CHECKING:
    from trainshed.sweeps.gaussian_process import Array

_MOST = 300
"""Ended trials to learn from; more would take ever longer and teach little."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_FEWEST = 3
"""Trials with a value below which there is nothing to learn from."""


def is_available() -> bool:
    """Tell whether numpy is installed."""
    return find_spec("numpy") is not None


def propose(known: Known, number: int) -> dict[str, Any] | None:
    """Return the parameters of a trial; see :func:`trainshed.sweeps.samplers.propose`.

    The first trials are spread evenly. Those that have not ended are taken to reach what the process expects of them,
    so that others at the same time are tried elsewhere; those that ended without a value, to be the worst.
    """
    dims = known.dimensions
    first = max(5, min(10, 2 * len(dims)))
    trials = _chosen(known, number)
    positions = [(trial, units) for trial in trials if (units := known.units(trial)) is not None]
    measured = sum(best(trial.values, known.maximize) is not None for trial, _ in positions)
    prior = 0 if known.is_rest else sum(trial.number < 0 for trial, _ in positions)
    if number < first - prior:
        return _spread(known, number, first)
    if measured < _FEWEST or not dims or not (is_available() or tpe.is_available()):
        return sampler_random.propose(known, number)
    total = size(known.space)
    tried = known.tried()
    if total is not None and len(tried) >= total:
        return None
    for units in _ranked(known, number, positions):
        found = known.parameters(units)
        if key_of(found) not in tried:
            return found
    return sampler_random.propose(known, number)


def _chosen(known: Known, number: int) -> Sequence[Trial]:
    """Return the trials to learn from: all of them, or, of very many, the best and some others."""
    ended = [trial for trial in known.trials if trial.ended]
    if len(ended) <= _MOST:
        return known.trials
    sign = -1 if known.maximize else 1
    found = [best(trial.values, known.maximize) for trial in ended]
    costs = [math.inf if value is None else sign * value for value in found]
    order = sorted(range(len(ended)), key=costs.__getitem__)
    others = random.Random(f"{known.seed}/others/{number}").sample(order[_MOST // 2 :], _MOST // 2)
    going = [trial for trial in known.trials if not trial.ended]
    return [ended[index] for index in (*order[: _MOST // 2], *others)] + going


def _spread(known: Known, number: int, count: int) -> dict[str, Any] | None:
    """Return one point of a Latin hypercube, or a random one where that has been tried before."""
    units = []
    for index in range(len(known.dimensions)):
        strata = list(range(count))
        random.Random(f"{known.seed}/first/{index}").shuffle(strata)
        units.append((strata[number] + random.Random(f"{known.seed}/first/{index}/{number}").random()) / count)
    found = known.parameters(units)
    return sampler_random.propose(known, number) if key_of(found) in known.tried() else found


def _ranked(known: Known, number: int, positions: Sequence[tuple[Any, list[float]]]) -> list[list[float]]:
    """Return candidates in the unit cube, the most promising first."""
    values = {trial.number: best(trial.values, known.maximize) for trial, _ in positions}
    finite = [value for value in values.values() if value is not None and math.isfinite(value)]
    if not finite:
        return []
    worst = min(finite) if known.maximize else max(finite)
    points, costs, pending = [], [], []
    for trial, units in positions:
        value = values[trial.number]
        if value is None and not trial.ended:
            pending.append(units)
            continue
        usable = value if value is not None and math.isfinite(value) else worst
        points.append(units)
        costs.append(-usable if known.maximize else usable)
    if not is_available():
        taken = [max(costs)] * len(pending)  # so that others are tried elsewhere
        return [tpe.propose(known, number, [*points, *pending], [*costs, *taken])]
    _import_numpy()
    from trainshed.sweeps.gaussian_process import Layout, suggest

    layout = Layout.of(list(known.dimensions.values()))
    found: Array = suggest(layout, points, costs, pending, _entropy(known.seed, number))
    return [[float(unit) for unit in row] for row in found]


def _import_numpy() -> None:
    """Import numpy, with one thread: small matrices need no more, and the result must not depend on their number."""
    if "numpy" in sys.modules:
        return
    kept = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        import_module("numpy")  # which takes 0.1 s, and reads these variables once
    finally:
        for name, value in kept.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _entropy(seed: int, number: int) -> int:
    return random.Random(f"{seed}/process/{number}").getrandbits(64)
