"""Samplers: which parameters the next trial has.

A new one is a module ``sampler_<name>`` with a function ``propose`` like that of :func:`propose`, without the name, and
the row of its name in :data:`trainshed.spec.sweep.SAMPLINGS`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from trainshed.sweeps.known import Known


def propose(sampling: str, known: Known, number: int) -> dict[str, Any] | None:
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
    found: dict[str, Any] | None = import_module(f"trainshed.sweeps.sampler_{sampling}").propose(known, number)
    return found
