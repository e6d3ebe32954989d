"""Random sampling. In a space that has an end, no set of parameters is tried twice."""

from __future__ import annotations

import random
from typing import Any

from trainshed.sweeps.known import Known
from trainshed.sweeps.sampler_grid import combination
from trainshed.sweeps.space import key_of, size

_DRAWS = 16
_MOST_SEARCHED = 1_000_000


def propose(known: Known, number: int) -> dict[str, Any] | None:
    """Return the parameters of a trial; see :func:`trainshed.sweeps.samplers.propose`."""
    dice = random.Random(f"{known.seed}/{number}")
    total = size(known.space)
    if total is None:
        return _draw(known, dice)
    tried = known.tried()
    if len(tried) >= total:
        return None
    for _ in range(_DRAWS):
        found = _draw(known, dice)
        if key_of(found) not in tried:
            return found
    # Nearly everything has been tried: go on from a random place to the next that has not.
    start = dice.randrange(total)
    for step in range(min(total, _MOST_SEARCHED)):
        found = combination(known, (start + step) % total)
        if key_of(found) not in tried:
            return found
    return None


def _draw(known: Known, dice: random.Random) -> dict[str, Any]:
    return known.parameters([dice.random() for _ in known.dimensions])
