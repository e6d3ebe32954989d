"""The rules of parameter expressions, in SDK v1's notation: ``[name, [arguments]]``."""

from __future__ import annotations

import math

from trainshed.errors import TYPE_CHECKING, UserErrorException, did_you_mean

if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

MOST_OPTIONS = 100_000
_LARGEST_LOG = 700.0
"""The exponential of more has no place in a floating-point number."""
_BETWEEN = ("min_value", "max_value", "q")
_AROUND = ("mu", "sigma", "q")
_NUMBERS = {
    **{f"{q}{log}uniform": _BETWEEN[: 2 + len(q)] for q in ("", "q") for log in ("", "log")},
    **{f"{q}{log}normal": _AROUND[: 2 + len(q)] for q in ("", "q") for log in ("", "log")},
}
NAMES = ("choice", "randint", *sorted(_NUMBERS))


def name_of(expression: Any) -> Optional[str]:
    """Return the name of an expression, or None for a plain value.

    Example:
        >>> name_of(["uniform", [0, 1]]), name_of([1, 2])
        ('uniform', None)
    """
    is_expression = isinstance(expression, list) and len(expression) == 2 and isinstance(expression[1], list)
    return expression[0] if is_expression and isinstance(expression[0], str) else None


def check_expression(expression: Any) -> None:
    """Raise an error if an expression cannot be drawn from; plain values are fine.

    Raises:
        UserErrorException: it is unknown, or its arguments make no sense.

    Example:
        >>> check_expression(["uniform", [0, 1]])
    """
    name = name_of(expression)
    if name is None:
        return
    arguments: List[Any] = expression[1]
    if name == "choice":
        if len(arguments) != 1 or not isinstance(arguments[0], list) or not arguments[0]:
            raise UserErrorException("choice() has no options. Pass at least one value, e.g. choice(16, 32).")
    elif name == "randint":
        _check_upper(arguments)
    elif name in _NUMBERS:
        _check_numbers(name, dict(zip(_NUMBERS[name], arguments)), arguments)
    else:
        raise UserErrorException(f"There is no parameter expression '{name}'.{did_you_mean(name, NAMES)}")


def _check_upper(arguments: List[Any]) -> None:
    upper = arguments[0] if len(arguments) == 1 else None
    if isinstance(upper, bool) or not isinstance(upper, int) or upper <= 0:
        raise UserErrorException(f"randint: upper must be a whole number above 0, not {upper!r}.")


def _check_numbers(name: str, given: Dict[str, Any], arguments: List[Any]) -> None:
    if len(arguments) != len(_NUMBERS[name]):
        raise UserErrorException(f"{name} has the arguments {', '.join(_NUMBERS[name])}; {len(arguments)} were given.")
    for parameter, value in given.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise UserErrorException(f"{name}: {parameter} must be a finite number, not {value!r}.")
    if given.get("q", 1) <= 0:
        raise UserErrorException(f"{name}: q must be above 0, not {given['q']}.")
    if "mu" in given:
        if given["sigma"] <= 0:
            raise UserErrorException(f"{name}: sigma must be above 0, not {given['sigma']}.")
        return
    low, high = given["min_value"], given["max_value"]
    if low >= high:
        raise UserErrorException(f"{name}: min_value ({low}) must be below max_value ({high}).")
    if "log" in name and high > _LARGEST_LOG:
        raise UserErrorException(
            f"{name}: the bounds are natural logarithms of the values, and e to the power of {high} is too large. "
            f"For values up to {high}, pass max_value={math.log(high):.6g}."
        )
