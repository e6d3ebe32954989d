"""What a sampler is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from trainshed.sweeps.space import Dimension, dimensions, key_of
from trainshed.sweeps.trial import Trial


class Known(NamedTuple):
    """What the parameters of the next trial depend on.

    Attributes:
        space: the parameter space, as JSON.
        seed: the seed of the sweep.
        maximize: whether larger values of the metric are better.
        trials: all trials of the sweep so far, and those of the sweeps that it resumes from, with negative numbers.
        keys: a text for each set of parameters that is not to be tried again, if these are known already.
        is_rest: the sweep is the rest of the one that it resumes from, so it does not try again what that has tried.
    """

    space: str
    seed: int
    maximize: bool
    trials: Sequence[Trial] = ()
    is_rest: bool = False
    keys: AbstractSet[str] | None = None

    @property
    def dimensions(self) -> Mapping[str, Dimension]:
        """The parameters of the space."""
        return dimensions(self.space)

    def tried(self) -> AbstractSet[str]:
        """Return a text for each set of parameters that is not to be tried again."""
        if self.keys is not None:
            return self.keys
        return {key_of(trial.parameters) for trial in self.trials if trial.number >= 0 or self.is_rest}

    def parameters(self, units: Sequence[float]) -> dict[str, Any]:
        """Return the parameters at a position in the unit cube."""
        pairs = zip(self.dimensions.items(), units, strict=True)
        return {name: dimension.value(unit) for (name, dimension), unit in pairs}

    def units(self, trial: Trial) -> list[float] | None:
        """Return the position of a trial in the unit cube; None if it is not in this space."""
        if trial.parameters.keys() != self.dimensions.keys():
            return None
        try:
            return [dimension.unit(trial.parameters[name]) for name, dimension in self.dimensions.items()]
        except ValueError:
            return None
