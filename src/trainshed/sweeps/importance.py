"""Which parameters mattered: the share of the metric's variance that each explains by itself.

The first-order index of Sobol', estimated from the trials that there are by partitioning them along each parameter
(Plischke, Borgonovo and Smith, "Global sensitivity measures from given data", European Journal of Operational Research
226, 2013), without its bias for small samples (epsilon squared: Kelley, "An unbiased correlation ratio measure", PNAS
21, 1935). It needs no model of the metric, so it needs no library, and there is nothing to be tuned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from trainshed.sweeps.space import Dimension

LEAST = 10
"""Trials without which nothing is said."""
_MOST_PARTS = 20
_FEW = 4
"""Trials of each value, on average, with which a parameter's values are not taken together."""
_FENCE = 1.5


class Share(NamedTuple):
    """What one parameter explains.

    Attributes:
        name: the parameter.
        share: part of the variance, from 0 to 1. All shares together may be less than 1: the rest is what parameters do
            together, and chance.
        best: the smallest and the largest value in the part of the trials whose metric is best on average.
    """

    name: str
    share: float
    best: tuple[Any, Any]


def importance(
    trials: Sequence[tuple[Mapping[str, Any], float]], axes: Mapping[str, Dimension], maximize: bool
) -> list[Share]:
    """Return the shares of the parameters, the largest first; nothing if the trials are too few to say.

    Args:
        trials: the parameters of each trial, and its metric. Those without a number, and values that are far out, as
            when a training diverges, would hide all else: they count as values at the end of the others.
        axes: the space.
        maximize: whether larger is better.

    Example:
        >>> from trainshed.sweeps.space import dimensions
        >>> axes = dimensions('{"a": ["randint", [4]], "b": ["randint", [4]]}')
        >>> trials = [({"a": a, "b": b}, 3.0 * a + b) for a in range(4) for b in range(4)]
        >>> [(each.name, round(each.share, 2)) for each in importance(trials, axes, maximize=True)]
        [('a', 0.88), ('b', 0.0)]
    """
    usable = [(parameters, value) for parameters, value in trials if not math.isnan(value)]
    if len(usable) < LEAST:
        return []
    values = _fenced([value for _, value in usable])
    found = []
    for name, axis in axes.items():
        if axis.size == 1:
            continue
        placed, units = [], _Units(axis)
        for (parameters, _), value in zip(usable, values, strict=True):
            unit = units[parameters.get(name)]
            if unit is not None:  # else of a sweep that this one resumes, whose space was another
                placed.append((unit, value, parameters.get(name)))
        if len(placed) >= LEAST:
            found.append(_share(name, placed, maximize))
    return sorted(found, key=lambda each: -each.share)


class _Units:
    """The positions of values, each of which is looked up once: most are the same few."""

    def __init__(self, axis: Dimension) -> None:
        self._axis = axis
        self._known: dict[str, float | None] = {}

    def __getitem__(self, value: Any) -> float | None:
        key = repr(value)
        if key not in self._known:
            try:
                self._known[key] = self._axis.unit(value)
            except ValueError:
                self._known[key] = None
        return self._known[key]


def _share(name: str, placed: list[tuple[float, float, Any]], maximize: bool) -> Share:
    parts = _parts(placed)
    count, mean = len(placed), math.fsum(value for _, value, _ in placed) / len(placed)
    total = math.fsum((value - mean) ** 2 for _, value, _ in placed)
    means = [math.fsum(value for _, value, _ in part) / len(part) for part in parts]
    within = math.fsum((value - own) ** 2 for part, own in zip(parts, means, strict=True) for _, value, _ in part)
    share = 0.0
    if total > 0 and count > len(parts) > 1:
        share = min(max(1 - within / (count - len(parts)) / (total / (count - 1)), 0.0), 1.0)
    best = parts[means.index(max(means) if maximize else min(means))]
    return Share(name, share, (best[0][2], best[-1][2]))


def _parts(placed: list[tuple[float, float, Any]]) -> list[list[tuple[float, float, Any]]]:
    """Return the trials in parts of about the same size along a parameter; equal values are never parted."""
    placed = sorted(placed, key=lambda each: each[0])
    wanted = min(max(round(len(placed) ** 0.5 / 1.5), 3), _MOST_PARTS)
    if len({unit for unit, _, _ in placed}) <= max(wanted, len(placed) // _FEW):
        wanted = len(placed)  # a part for each value
    parts: list[list[tuple[float, float, Any]]] = []
    for position, each in enumerate(placed):
        new = len(parts) <= position * wanted // len(placed)
        if not parts or (new and each[0] != parts[-1][-1][0]):
            parts.append([])
        parts[-1].append(each)
    return parts


def _fenced(values: list[float]) -> list[float]:
    """Return values with those beyond Tukey's inner fences brought back to the fences."""
    ordered = sorted(values)
    lower, upper = ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]
    if not (math.isfinite(lower) and math.isfinite(upper)):
        finite = [value for value in ordered if math.isfinite(value)] or [0.0]
        lower, upper = finite[0], finite[-1]
    reach = _FENCE * (upper - lower)
    return [min(max(value, lower - reach), upper + reach) for value in values]
