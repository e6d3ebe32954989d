"""Parameter expressions of sweeps. Each function returns SDK v1's notation: ``[name, [arguments]]``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainshed.errors import HyperDriveConfigException, UserErrorException
from trainshed.spec.expressions import MOST_OPTIONS, check_expression

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
    if isinstance(single, range) and len(single) > MOST_OPTIONS:
        raise HyperDriveConfigException(
            f"choice: {single} has {len(single)} values; a choice has at most {MOST_OPTIONS}. For that many, use "
            "quniform(min_value, max_value, 1)."
        )
    values = list(single) if isinstance(single, (list, tuple, set, frozenset, range)) else list(options)
    return _checked("choice", values)


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
    return _checked("randint", upper)


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
    return _checked("uniform", min_value, max_value)


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
    return _checked("quniform", min_value, max_value, q)


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
    return _checked("loguniform", min_value, max_value)


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
    return _checked("qloguniform", min_value, max_value, q)


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
    return _checked("normal", mu, sigma)


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
    return _checked("qnormal", mu, sigma, q)


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
    return _checked("lognormal", mu, sigma)


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
    return _checked("qlognormal", mu, sigma, q)


def _checked(name: str, *arguments: Any) -> Expression:
    """Return an expression that can be drawn from."""
    found = [name, [*arguments]]
    try:
        check_expression(found)
    except UserErrorException as error:
        raise HyperDriveConfigException(error.message) from None
    return found
