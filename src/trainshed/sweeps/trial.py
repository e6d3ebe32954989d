"""What is known of a trial, and the comparison of its values with those of others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple


class Trial(NamedTuple):
    """A trial of a sweep, as samplers and policies see it.

    Attributes:
        number: its position in the sweep, from 0; those of earlier sweeps that this one resumes from are negative.
        parameters: its parameters.
        values: what it has logged as the primary metric, in order. NaN is an interval without a value.
        ended: whether it has ended.
    """

    number: int
    parameters: Mapping[str, Any]
    values: Sequence[float] = ()
    ended: bool = False


def numbers(points: Iterable[tuple[Any, Any, Any]]) -> list[float]:
    """Return the values of a metric's history; what is no number is NaN.

    Example:
        >>> numbers([(None, 0.0, 0.5), (None, 0.1, "high")])
        [0.5, nan]
    """
    return [
        float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
        for _, _, value in points
    ]


def best(values: Sequence[float], maximize: bool, upto: int | None = None) -> float | None:
    """Return the best of a trial's values, or None if there is none.

    Args:
        values: its values; NaN is ignored.
        maximize: whether larger is better.
        upto: only the first so many.

    Example:
        >>> best([0.5, float("nan"), 0.7, 0.9], maximize=True, upto=3)
        0.7
    """
    found = [value for value in values[:upto] if not math.isnan(value)]
    return (max(found) if maximize else min(found)) if found else None


def is_worse(first: float, second: float, maximize: bool) -> bool:
    """Tell whether the first of two values is worse than the second."""
    return first < second if maximize else first > second


def position(trial: Trial, pool: Sequence[Trial], maximize: bool, upto: int) -> int:
    """Return how many trials of a pool are better than one of them, by their best values up to an interval.

    Of equal trials the older ones are better; those without a value are the worst.

    Args:
        trial: the trial.
        pool: those to compare it with; itself is ignored.
        maximize: whether larger is better.
        upto: the interval.
    """

    def rank(each: Trial) -> tuple[float, int]:
        found = best(each.values, maximize, upto)
        if found is None:
            return math.inf, each.number
        return (-found if maximize else found), each.number

    own = rank(trial)
    # A value of infinity on the wrong side ties with none, and then the older one is better.
    return sum(rank(each) < own for each in pool if each.number != trial.number)
