"""Tree-structured Parzen estimators, by Rustuna: what Bayesian sampling uses where numpy is missing and this is not."""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from trainshed.sweeps.known import Known
from trainshed.sweeps.space import Dimension, Options


def is_available() -> bool:
    """Tell whether Rustuna is installed."""
    return find_spec("rustuna") is not None


def propose(known: Known, number: int, points: Sequence[Sequence[float]], costs: Sequence[float]) -> list[float]:
    """Return a position in the unit cube at which the cost may become smaller.

    Args:
        known: the space and the seed.
        number: position of the trial in the sweep.
        points: positions of known costs.
        costs: the costs.
    """
    import rustuna  # an optional package, imported only when needed

    dice = random.Random(f"{known.seed}/tpe/{number}")
    study = rustuna.create_study(sampler=rustuna.samplers.TPESampler(seed=dice.getrandbits(32)))
    axes = [_Axis(dimension) for dimension in known.dimensions.values()]
    distributions = {str(index): axis.distribution(rustuna.distributions) for index, axis in enumerate(axes)}
    for point, cost in zip(points, costs, strict=True):
        params = {str(index): axis.coordinate(point[index]) for index, axis in enumerate(axes)}
        study.add_trial(
            rustuna.create_trial(
                state=rustuna.trial.TrialState.COMPLETE, value=cost, params=params, distributions=distributions
            )
        )
    trial = study.ask()
    return [axis.unit(axis.suggested(trial, str(index))) for index, axis in enumerate(axes)]


class _Axis:
    """One parameter, as Rustuna knows it: a number, or the number of one of its values."""

    def __init__(self, dimension: Dimension) -> None:
        self._levels = dimension.levels
        self._is_choice = isinstance(dimension, Options)

    def distribution(self, kinds: Any) -> Any:
        if self._levels is None:
            return kinds.FloatDistribution(0.0, 1.0)
        count = len(self._levels)
        return (
            kinds.CategoricalDistribution(list(range(count)))
            if self._is_choice
            else kinds.IntDistribution(0, count - 1)
        )

    def suggested(self, trial: Any, name: str) -> float:
        if self._levels is None:
            return float(trial.suggest_float(name, 0.0, 1.0))
        count = len(self._levels)
        if self._is_choice:
            return int(trial.suggest_categorical(name, list(range(count))))
        return int(trial.suggest_int(name, 0, count - 1))

    def coordinate(self, unit: float) -> float:
        if self._levels is None:
            return unit
        return min(range(len(self._levels)), key=lambda index: abs((self._levels or ())[index] - unit))

    def unit(self, coordinate: float) -> float:
        return coordinate if self._levels is None else self._levels[int(coordinate)]
