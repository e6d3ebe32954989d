"""What a parameter of a sweep may be: each function returns v1's notation of it, ``[name, [arguments]]``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trainshed.errors import HyperDriveConfigException

Expression = list[Any]
"""v1's notation of a distribution, e.g. ``["uniform", [0, 1]]``."""


def choice(*options: Any) -> Expression:
    """One of some values.

    Args:
        *options: the values; a single list, tuple, set or range stands for what is in it.

    Returns:
        v1's notation of it.

    Raises:
        HyperDriveConfigException: there is nothing to choose from.

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
    """A whole number from 0 up to, and without, ``upper``.

    Args:
        upper: above 0.

    Raises:
        HyperDriveConfigException: ``upper`` is no whole number above 0.

    Example:
        >>> randint(8)
        ['randint', [8]]
    """
    if isinstance(upper, bool) or not isinstance(upper, int) or upper <= 0:
        raise HyperDriveConfigException(f"randint: upper must be a whole number above 0, not {upper!r}.")
    return ["randint", [upper]]


def uniform(min_value: float, max_value: float) -> Expression:
    """A number between two others, each as likely.

    Args:
        min_value: the lower bound.
        max_value: the upper bound, above it.

    Raises:
        HyperDriveConfigException: the bounds are no numbers, or not in order.

    Example:
        >>> uniform(0.1, 0.9)
        ['uniform', [0.1, 0.9]]
    """
    return _between("uniform", min_value, max_value)


def quniform(min_value: float, max_value: float, q: float) -> Expression:
    """As :func:`uniform`, rounded to a multiple of ``q``.

    Args:
        min_value: the lower bound.
        max_value: the upper bound, above it.
        q: the step, above 0.

    Raises:
        HyperDriveConfigException: the bounds are no numbers, or not in order; a step that is none.

    Example:
        >>> quniform(0, 10, 2)
        ['quniform', [0, 10, 2]]
    """
    return _between("quniform", min_value, max_value, q)


def loguniform(min_value: float, max_value: float) -> Expression:
    """``exp(uniform(min_value, max_value))``: the bounds are logarithms.

    Args:
        min_value: logarithm of the lower bound.
        max_value: logarithm of the upper bound.

    Raises:
        HyperDriveConfigException: the bounds are no numbers, or not in order.

    Example:
        >>> loguniform(-10, -3)
        ['loguniform', [-10, -3]]
    """
    return _between("loguniform", min_value, max_value)


def qloguniform(min_value: float, max_value: float, q: float) -> Expression:
    """As :func:`loguniform`, rounded to a multiple of ``q``.

    Args:
        min_value: logarithm of the lower bound.
        max_value: logarithm of the upper bound.
        q: the step, above 0.

    Raises:
        HyperDriveConfigException: the bounds are no numbers, or not in order; a step that is none.

    Example:
        >>> qloguniform(0, 4, 1)
        ['qloguniform', [0, 4, 1]]
    """
    return _between("qloguniform", min_value, max_value, q)


def normal(mu: float, sigma: float) -> Expression:
    """A number from a normal distribution.

    Args:
        mu: its mean.
        sigma: its standard deviation, above 0.

    Raises:
        HyperDriveConfigException: no numbers, or a deviation that is not above 0.

    Example:
        >>> normal(10, 3)
        ['normal', [10, 3]]
    """
    return _around("normal", mu, sigma)


def qnormal(mu: float, sigma: float, q: float) -> Expression:
    """As :func:`normal`, rounded to a multiple of ``q``.

    Args:
        mu: its mean.
        sigma: its standard deviation, above 0.
        q: the step, above 0.

    Raises:
        HyperDriveConfigException: no numbers, or a deviation or step that is not above 0.

    Example:
        >>> qnormal(10, 3, 1)
        ['qnormal', [10, 3, 1]]
    """
    return _around("qnormal", mu, sigma, q)


def lognormal(mu: float, sigma: float) -> Expression:
    """``exp(normal(mu, sigma))``.

    Args:
        mu: mean of the logarithm.
        sigma: standard deviation of the logarithm, above 0.

    Raises:
        HyperDriveConfigException: no numbers, or a deviation that is not above 0.

    Example:
        >>> lognormal(0, 1)
        ['lognormal', [0, 1]]
    """
    return _around("lognormal", mu, sigma)


def qlognormal(mu: float, sigma: float, q: float) -> Expression:
    """As :func:`lognormal`, rounded to a multiple of ``q``.

    Args:
        mu: mean of the logarithm.
        sigma: standard deviation of the logarithm, above 0.
        q: the step, above 0.

    Raises:
        HyperDriveConfigException: no numbers, or a deviation or step that is not above 0.

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
    """Raise unless all are finite numbers, and the step is above 0."""
    for parameter, value in {**given, **({"q": step[0]} if step else {})}.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise HyperDriveConfigException(f"{name}: {parameter} must be a finite number, not {value!r}.")
    if step and step[0] <= 0:
        raise HyperDriveConfigException(f"{name}: q must be above 0, not {step[0]}.")
