"""Numbers and times in words, as the page's own modules write them."""

from __future__ import annotations

import math
import time
from typing import Any


def took(seconds: float | None) -> str:
    """Return a duration.

    Args:
        seconds: how long; nothing is an empty text.

    Example:
        >>> took(3.21), took(75), took(4000), took(90_000), took(None)
        ('3.2s', '1m 15s', '1h 06m', '1d 1h', '')
    """
    if seconds is None or seconds < 0:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes}m {int(seconds % 60):02}s"
    return f"{minutes // 60}h {minutes % 60:02}m" if minutes < 1440 else f"{minutes // 1440}d {minutes % 1440 // 60}h"


def ago(moment: float | None) -> str:
    """Return how long ago something was.

    Args:
        moment: seconds since the epoch; nothing is an empty text.

    Example:
        >>> ago(time.time() - 7300), ago(None)
        ('2h ago', '')
    """
    if not moment:
        return ""
    seconds = max(time.time() - moment, 0.0)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit} ago"
    return "just now"


def many(count: int, word: str) -> str:
    """Return a count with its word.

    Args:
        count: how many.
        word: of one.

    Example:
        >>> many(1, "run"), many(1200, "run")
        ('1 run', '1,200 runs')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def sig(value: Any) -> str:
    """Return a value in a few digits.

    Args:
        value: a number, or what is no number.

    Example:
        >>> sig(0.123456), sig(12), sig(123456.7), sig(0.00001), sig("x"), sig(None)
        ('0.1235', '12', '123,457', '1.00e-5', 'x', '')
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"
    size = abs(value)
    if float(value).is_integer() and size < 1e15:
        return f"{value:.0f}" if size < 1e5 else f"{value:,.0f}"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 0.001:
        return f"{value:#.4g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"
