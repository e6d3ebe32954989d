"""Encoding of non-finite floats, which JSON does not support, as ``{"$float": "NaN" | "Infinity" | "-Infinity"}``."""

from __future__ import annotations

import math

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Dict

MARK = "$float"
TEXTS = ("NaN", "Infinity", "-Infinity")


def spelled(value: Any, marked: bool = True) -> Any:
    """Return ``value`` with non-finite floats encoded, so that it can be written as strict JSON.

    Args:
        value: value of JSON types.
        marked: use an encoding that :func:`unspelled` can decode; otherwise, plain strings.

    Example:
        >>> spelled([1.0, float("inf")]), spelled(float("nan"), marked=False)
        ([1.0, {'$float': 'Infinity'}], 'NaN')
    """
    if isinstance(value, float) and not math.isfinite(value):
        text = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return {MARK: text} if marked else text
    if isinstance(value, dict):
        return {key: spelled(item, marked) for key, item in value.items()}
    return [spelled(item, marked) for item in value] if isinstance(value, (list, tuple)) else value


def unspelled(value: Dict[str, Any]) -> Any:
    """Decode a float, and return other objects unchanged. Use as ``json.loads(…, object_hook=unspelled)``."""
    return float(value[MARK]) if value.keys() == {MARK} and value[MARK] in TEXTS else value
