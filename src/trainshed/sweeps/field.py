"""Trials that have ended, kept in the order in which policies compare with them, so that thousands slow nothing."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from trainshed.sweeps.trial import Rank, Trial, best, rank


class Field:
    """Trials that have ended. What is asked at an interval is kept, and added to with each further trial.

    Args:
        maximize: whether larger values are better.
        trials: the first of them.

    Example:
        >>> Field(True, [Trial(0, {}, [0.5, 0.9]), Trial(1, {}, [0.7])]).leader(1)
        0.7
    """

    def __init__(self, maximize: bool, trials: Iterable[Trial] = ()) -> None:
        self._maximize = maximize
        self._trials = list(trials)
        self._leaders: dict[int, float | None] = {}
        self._averages: dict[int, list[float]] = {}
        self._ranks: dict[tuple[int, bool], list[Rank]] = {}

    def add(self, trial: Trial) -> None:
        """Add a trial that has ended."""
        self._trials.append(trial)
        for interval, leader in self._leaders.items():
            self._leaders[interval] = _better(leader, best(trial.values, self._maximize, interval), self._maximize)
        for interval, averages in self._averages.items():
            for value in _averages([trial], interval):
                insort(averages, value)
        for (interval, reached), ranks in self._ranks.items():
            for each in self._ranked([trial], interval, reached):
                insort(ranks, each)

    def leader(self, interval: int) -> float | None:
        """Return the best value of all up to an interval, or None if there is none."""
        if interval not in self._leaders:
            leader: float | None = None
            for trial in self._trials:
                leader = _better(leader, best(trial.values, self._maximize, interval), self._maximize)
            self._leaders[interval] = leader
        return self._leaders[interval]

    def averages(self, interval: int, others: Sequence[Trial]) -> list[float]:
        """Return the averages up to an interval, of other trials too, in order."""
        if interval not in self._averages:
            self._averages[interval] = sorted(_averages(self._trials, interval))
        found = self._averages[interval].copy()
        for value in _averages(others, interval):
            insort(found, value)
        return found

    def position(self, own: Rank, interval: int, reached: bool) -> tuple[int, int]:
        """Return how many trials with values are better than a rank at an interval, and how many there are.

        Args:
            own: the rank.
            interval: the interval.
            reached: only those that have logged so many values.
        """
        if (interval, reached) not in self._ranks:
            self._ranks[interval, reached] = sorted(self._ranked(self._trials, interval, reached))
        ranks = self._ranks[interval, reached]
        return bisect_left(ranks, own), len(ranks)

    def _ranked(self, trials: Iterable[Trial], interval: int, reached: bool) -> Iterable[Rank]:
        least = interval if reached else 1
        return (rank(each, self._maximize, interval) for each in trials if len(each.values) >= least)


def _better(first: float | None, second: float | None, maximize: bool) -> float | None:
    if first is None or second is None:
        return second if first is None else first
    return max(first, second) if maximize else min(first, second)


def _averages(trials: Iterable[Trial], interval: int) -> Iterable[float]:
    for trial in trials:
        known = [value for value in trial.values[:interval] if not math.isnan(value)]
        average = sum(known) / len(known) if known else math.nan
        if not math.isnan(average):  # the sum of both infinities is none
            yield average
