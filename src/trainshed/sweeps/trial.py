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


Rank = tuple[float, int]
"""Place of a trial in an order, the best first: of equal trials the older ones, and last those without a value."""


def rank(trial: Trial, maximize: bool, upto: int) -> Rank:
    """Return the rank of a trial by its best value up to an interval.

    Example:
        >>> rank(Trial(3, {}, [0.5, 0.9]), maximize=True, upto=1)
        (-0.5, 3)
    """
    found = best(trial.values, maximize, upto)
    # A value of infinity on the wrong side ties with none, and then the older one is better.
    return (math.inf if found is None else -found if maximize else found), trial.number
