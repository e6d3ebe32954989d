"""Parameter expressions of sweeps. Each function returns SDK v1's notation: ``[name, [arguments]]``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from trainshed.errors import HyperDriveConfigException

if TYPE_CHECKING:
    Expression = list[Any]
    """A distribution in SDK v1's notation, e.g. ``["uniform", [0, 1]]``."""


def choice(*options: Any) -> Expression:
    """Return an expression for a choice among discrete values.

    Args:
        *options: the values, or a single list, tuple, set or range of values.

    Raises:
        HyperDriveConfigException: no values are passed.

    Example:
        >>> choice(16, 32), choice(range(2))
        (['choice', [[16, 32]]], ['choice', [[0, 1]]])
    """
    single = options[0] if len(options) == 1 else None
    values = list(single) if isinstance(single, (list, tuple, set, frozenset, range)) else list(options)
    if not values:
        raise HyperDriveConfigException("choice() has no options. Pass at least one value, e.g. choice(16, 32).")
    return ["choice", [values]]


def randint(upper: int) -> Expression:
    """Return an expression for a random integer from 0 (inclusive) to ``upper`` (exclusive).

    Args:
        upper: upper bound; a positive integer.

    Raises:
        HyperDriveConfigException: ``upper`` is not a positive integer.

    Example:
        >>> randint(8)
        ['randint', [8]]
    """
    if isinstance(upper, bool) or not isinstance(upper, int) or upper <= 0:
        raise HyperDriveConfigException(f"randint: upper must be a whole number above 0, not {upper!r}.")
    return ["randint", [upper]]


def uniform(min_value: float, max_value: float) -> Expression:
    """Return an expression for a uniform distribution.

    Args:
        min_value: lower bound.
        max_value: upper bound.

    Raises:
        HyperDriveConfigException: a bound is not a finite number, or ``min_value`` is not below ``max_value``.

    Example:
        >>> uniform(0.1, 0.9)
        ['uniform', [0.1, 0.9]]
    """
    return _between("uniform", min_value, max_value)


def quniform(min_value: float, max_value: float, q: float) -> Expression:
    """Return an expression for a uniform distribution, rounded to multiples of ``q``.

    Args:
        min_value: lower bound.
        max_value: upper bound.
        q: step; a positive number.

    Raises:
        HyperDriveConfigException: an argument is not a finite number, ``min_value`` is not below ``max_value``, or
            ``q`` is not positive.

    Example:
        >>> quniform(0, 10, 2)
        ['quniform', [0, 10, 2]]
    """
    return _between("quniform", min_value, max_value, q)


def loguniform(min_value: float, max_value: float) -> Expression:
    """Return an expression for a log-uniform distribution: ``exp(uniform(min_value, max_value))``.

    Args:
        min_value: natural logarithm of the lower bound.
        max_value: natural logarithm of the upper bound.

    Raises:
        HyperDriveConfigException: a bound is not a finite number, or ``min_value`` is not below ``max_value``.

    Example:
        >>> loguniform(-10, -3)
        ['loguniform', [-10, -3]]
    """
    return _between("loguniform", min_value, max_value)


def qloguniform(min_value: float, max_value: float, q: float) -> Expression:
    """Return an expression for a log-uniform distribution, rounded to multiples of ``q``.

    Args:
        min_value: natural logarithm of the lower bound.
        max_value: natural logarithm of the upper bound.
        q: step; a positive number.

    Raises:
        HyperDriveConfigException: an argument is not a finite number, ``min_value`` is not below ``max_value``, or
            ``q`` is not positive.

    Example:
        >>> qloguniform(0, 4, 1)
        ['qloguniform', [0, 4, 1]]
    """
    return _between("qloguniform", min_value, max_value, q)


def normal(mu: float, sigma: float) -> Expression:
    """Return an expression for a normal distribution.

    Args:
        mu: mean.
        sigma: standard deviation; a positive number.

    Raises:
        HyperDriveConfigException: an argument is not a finite number, or ``sigma`` is not positive.

    Example:
        >>> normal(10, 3)
        ['normal', [10, 3]]
    """
    return _around("normal", mu, sigma)


def qnormal(mu: float, sigma: float, q: float) -> Expression:
    """Return an expression for a normal distribution, rounded to multiples of ``q``.

    Args:
        mu: mean.
        sigma: standard deviation; a positive number.
        q: step; a positive number.

    Raises:
        HyperDriveConfigException: an argument is not a finite number, or ``sigma`` or ``q`` is not positive.

    Example:
        >>> qnormal(10, 3, 1)
        ['qnormal', [10, 3, 1]]
    """
    return _around("qnormal", mu, sigma, q)


def lognormal(mu: float, sigma: float) -> Expression:
    """Return an expression for a log-normal distribution: ``exp(normal(mu, sigma))``.

    Args:
        mu: mean of the logarithm.
        sigma: standard deviation of the logarithm; a positive number.

    Raises:
        HyperDriveConfigException: an argument is not a finite number, or ``sigma`` is not positive.

    Example:
        >>> lognormal(0, 1)
        ['lognormal', [0, 1]]
    """
    return _around("lognormal", mu, sigma)


def qlognormal(mu: float, sigma: float, q: float) -> Expression:
    """Return an expression for a log-normal distribution, rounded to multiples of ``q``.

    Args:
        mu: mean of the logarithm.
        sigma: standard deviation of the logarithm; a positive number.
        q: step; a positive number.

    Raises:
        HyperDriveConfigException: an argument is not a finite number, or ``sigma`` or ``q`` is not positive.

    Example:
        >>> qlognormal(0, 1, 1)
        ['qlognormal', [0, 1, 1]]
    """
    return _around("qlognormal", mu, sigma, q)


def _between(name: str, low: float, high: float, *step: float) -> Expression:
    _numbers(name, {"min_value": low, "max_value": high}, step)
    if low >= high:
        raise HyperDriveConfigException(f"{name}: min_value ({low}) must be below max_value ({high}).")
    return [name, [low, high, *step]]


def _around(name: str, mu: float, sigma: float, *step: float) -> Expression:
    _numbers(name, {"mu": mu, "sigma": sigma}, step)
    if sigma <= 0:
        raise HyperDriveConfigException(f"{name}: sigma must be above 0, not {sigma}.")
    return [name, [mu, sigma, *step]]


def _numbers(name: str, given: Mapping[str, Any], step: tuple[Any, ...]) -> None:
    """Check that all arguments are finite numbers and that the step, if any, is positive."""
    for parameter, value in {**given, **({"q": step[0]} if step else {})}.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise HyperDriveConfigException(f"{name}: {parameter} must be a finite number, not {value!r}.")
    if step and step[0] <= 0:
        raise HyperDriveConfigException(f"{name}: q must be above 0, not {step[0]}.")
