"""Parameter spaces: expressions in SDK v1's notation, as maps between values and the unit interval."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from trainshed.spec.expressions import check_expression, name_of

if TYPE_CHECKING:
    from statistics import NormalDist

_MOST_LEVELS = 10_000
_TAIL = 1e-9
"""Distance from 0 and 1 from which a position is cut off, because a normal distribution has no end."""
_DIGITS = 12


class Dimension(Protocol):
    """One parameter: what it can be.

    Attributes:
        size: number of different values; None if there is no limit, or they are too many to be tried one by one.
        levels: positions of the values in the unit interval, sorted; None in the same cases.
    """

    @property
    def size(self) -> int | None:
        """Number of different values."""

    @property
    def levels(self) -> Sequence[float] | None:
        """Positions of the values."""

    def value(self, unit: float, /) -> Any:
        """Return the value at a position in the unit interval; equally likely positions give the distribution."""

    def unit(self, value: Any, /) -> float:
        """Return the position of a value.

        Raises:
            ValueError: the parameter cannot have this value.
        """


class Options:
    """A choice among values.

    Args:
        values: the values; duplicates count once.

    Example:
        >>> Options([16, 32, 16]).value(0.9)
        32
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self._by_key = {key_of(value): value for value in values}
        self.values = list(self._by_key.values())
        self._indexes = {key: index for index, key in enumerate(self._by_key)}

    @property
    def size(self) -> int:
        """Number of different values."""
        return len(self.values)

    @property
    def levels(self) -> Sequence[float]:
        """Positions of the values."""
        return [(index + 0.5) / self.size for index in range(self.size)]

    def value(self, unit: float) -> Any:
        """Return the value at a position."""
        return self.values[min(int(unit * self.size), self.size - 1)]

    def unit(self, value: Any) -> float:
        """Return the position of a value."""
        key = key_of(value)
        if key not in self._indexes:
            raise ValueError(f"{value!r} is none of the options")
        return (self._indexes[key] + 0.5) / self.size


class Integers:
    """The whole numbers from 0 on, equally likely.

    Args:
        upper: the first number that is not among them.

    Example:
        >>> Integers(8).value(0.5)
        4
    """

    def __init__(self, upper: int) -> None:
        self._upper = upper

    @property
    def size(self) -> int | None:
        """Number of different values."""
        return self._upper if self._upper <= _MOST_LEVELS else None

    @property
    def levels(self) -> Sequence[float] | None:
        """Positions of the values."""
        return None if self.size is None else [(number + 0.5) / self._upper for number in range(self._upper)]

    def value(self, unit: float) -> Any:
        """Return the value at a position."""
        return min(int(unit * self._upper), self._upper - 1)

    def unit(self, value: Any) -> float:
        """Return the position of a value."""
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < self._upper:
            raise ValueError(f"{value!r} is no whole number from 0 to {self._upper - 1}")
        return (value + 0.5) / self._upper


class Numbers:
    """A distribution of numbers.

    Args:
        name: ``"uniform"``, ``"normal"`` or either with ``log`` before it: then the logarithm has this distribution.
        first: lower bound, or mean.
        second: upper bound, or standard deviation.
        step: the values are multiples of it; None for any number.

    Example:
        >>> Numbers("uniform", 16, 128, 16).value(0.5)
        64
    """

    def __init__(self, name: str, first: float, second: float, step: float | None = None) -> None:
        self._log = name.startswith("log")
        self._normal = _normal(first, second) if name.endswith("normal") else None
        self._first, self._second, self._step = first, second, step
        self._levels: Sequence[float] | None = None

    @property
    def size(self) -> int | None:
        """Number of different values."""
        levels = None if self._normal else self.levels
        return None if levels is None else len(levels)

    @property
    def levels(self) -> Sequence[float] | None:
        """Positions of the values."""
        if self._step is None:
            return None
        multiples = range(*self._multiples())
        if len(multiples) > _MOST_LEVELS:
            return None
        if self._levels is None:
            self._levels = sorted({self.unit(_multiple(number, self._step)) for number in multiples})
        return self._levels

    def _multiples(self) -> tuple[int, int]:
        assert self._step is not None
        return round(self._number(0.0) / self._step), round(self._number(1.0) / self._step) + 1

    def _number(self, unit: float) -> float:
        if self._normal:
            found = self._normal.inv_cdf(min(max(unit, _TAIL), 1 - _TAIL))
        else:
            found = self._first + unit * (self._second - self._first)
        return math.exp(found) if self._log else found

    def value(self, unit: float) -> Any:
        """Return the value at a position."""
        found = self._number(unit)
        return found if self._step is None else _multiple(round(found / self._step), self._step)

    def unit(self, value: Any) -> float:
        """Return the position of a value."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise ValueError(f"{value!r} is no number")
        if self._log:
            value = math.log(value) if value > 0 else -math.inf
        if self._normal:
            return float(self._normal.cdf(value))
        return float(min(max((value - self._first) / (self._second - self._first), 0.0), 1.0))


def _normal(mean: float, deviation: float) -> NormalDist:
    from statistics import NormalDist  # takes 10 ms of the service's start

    return NormalDist(mean, deviation)


def _multiple(number: int, step: float) -> float:
    """Return a multiple of a step without the error of floating-point numbers: 0.1, three times, is 0.3."""
    found = number * step
    return found if isinstance(found, int) else float(f"{found:.{_DIGITS}g}")


def key_of(value: Any) -> str:
    """Return a text that equal values share; 1, 1.0 and True are three values."""
    return json.dumps(value, sort_keys=True, default=str)


def dimensions(space: str) -> Mapping[str, Dimension]:
    """Return the parameters of a space.

    Args:
        space: name → value or expression, as JSON.

    Raises:
        UserErrorException: an expression is unknown, or its arguments make no sense.

    Example:
        >>> dimensions('{"--layers": ["randint", [3]]}')["--layers"].size
        3
    """
    return _dimensions(space)


@lru_cache(maxsize=16)
def _dimensions(space: str) -> Mapping[str, Dimension]:
    return {name: _dimension(expression) for name, expression in json.loads(space).items()}


def _dimension(expression: Any) -> Dimension:
    name = name_of(expression)
    if name is None:
        return Options([expression])
    check_expression(expression)
    arguments = expression[1]
    if name == "choice":
        return Options(arguments[0])
    if name == "randint":
        return Integers(arguments[0])
    return Numbers(name.lstrip("q"), *arguments)


def size(space: str) -> int | None:
    """Return how many different sets of parameters a space has; None if there is no limit.

    Example:
        >>> size('{"--a": ["choice", [[1, 2]]], "--b": ["quniform", [0, 1, 0.5]]}')
        6
    """
    found = 1
    for dimension in dimensions(space).values():
        if dimension.size is None:
            return None
        found *= dimension.size
    return found
