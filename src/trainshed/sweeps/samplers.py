"""Samplers: which parameters the next trial has. A new one is a module with a function, and its row in the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainshed.spec import sweep
from trainshed.sweeps import bayesian, grid, random_search
from trainshed.sweeps.known import Known

Parameters = dict[str, Any]
Sampler = Callable[[Known, int], "Parameters | None"]

_SAMPLERS: dict[str, Sampler] = {
    sweep.RANDOM: random_search.propose,
    sweep.GRID: grid.propose,
    sweep.BAYESIAN: bayesian.propose,
}


def propose(sampling: str, known: Known, number: int) -> Parameters | None:
    """Return the parameters of a trial, or None if the space has been tried completely.

    The same arguments give the same parameters, in any process.

    Args:
        sampling: one of :data:`trainshed.spec.sweep.SAMPLINGS`.
        known: the space, the seed, and what is known of other trials.
        number: position of the trial in the sweep, from 0.

    Example:
        >>> known = Known('{"--a": ["choice", [[1, 2]]], "--b": ["choice", [["x", "y"]]]}', seed=0, maximize=True)
        >>> propose("grid", known, 2)
        {'--a': 2, '--b': 'x'}
    """
    return _SAMPLERS[sampling](known, number)
