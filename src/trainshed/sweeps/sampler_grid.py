"""Grid sampling: all sets of parameters, one after the other; the last parameter changes fastest."""

from __future__ import annotations

from typing import Any

from trainshed.sweeps.known import Known
from trainshed.sweeps.space import size


def propose(known: Known, number: int) -> dict[str, Any] | None:
    """Return the parameters of a trial; see :func:`trainshed.sweeps.samplers.propose`.

    Raises:
        ValueError: the space has no end.
    """
    total = size(known.space)
    if total is None:
        raise ValueError("a grid needs parameters with a limited number of values")
    return combination(known, number) if number < total else None


def combination(known: Known, index: int) -> dict[str, Any]:
    """Return one of the sets of parameters of a space that has an end.

    Args:
        known: the space.
        index: its position among all of them, from 0.
    """
    units: list[float] = []
    for dimension in reversed(list(known.dimensions.values())):
        levels = dimension.levels or ()
        index, chosen = divmod(index, len(levels))
        units.append(levels[chosen])
    return known.parameters(units[::-1])
