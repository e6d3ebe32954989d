"""Metric values: how they are read from a journal, stored in SQLite, and returned in v1's shapes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from trainshed.spec.floats import TEXTS, spelled, unspelled

_INT64 = 1 << 63
_NATIVE = (float, int, str)

Event = dict[str, Any]


def strict_json(value: Any) -> str:
    """Return ``value`` as JSON that any parser accepts: non-finite floats become ``{"$float": "NaN"}``."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(spelled(value), allow_nan=False)


def lenient_json(text: str) -> dict[str, Any]:
    """Return the object that a column contains; an empty one if it is damaged, so that it hides no other row."""
    try:
        found = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def stored(value: Any) -> Any:
    """Convert a value for SQLite, so that :func:`loaded` returns it with its type.

    Floats, 64-bit integers and text are stored unchanged, NaN as NULL (SQLite's own way), everything else as a blob
    that
    begins with a letter for its type.
    """
    if isinstance(value, float):
        return value if value == value else None  # noqa: PLR0124
    if isinstance(value, bool):
        return b"b1" if value else b"b0"
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else b"i%d" % value
    if isinstance(value, str):
        return value if whole(value) else b"s" + value.encode("utf-8", "surrogatepass")
    return b"j" + strict_json(value).encode()


def loaded(kept: Any) -> Any:
    """Return the value that :func:`stored` converted."""
    if type(kept) in _NATIVE:
        return kept
    if kept is None:
        return math.nan
    tag, rest = kept[:1], kept[1:]
    if tag == b"b":
        return rest == b"1"
    if tag == b"i":
        return int(rest)
    if tag == b"s":
        return rest.decode("utf-8", "surrogatepass")
    return json.loads(rest, object_hook=unspelled if b"$float" in rest else None)


def whole(text: str) -> bool:
    """Tell whether a text is valid Unicode: JSON can contain lone surrogates, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def scalar_of(event: Event) -> Any:
    """Return the value of an event that logged one.

    Raises:
        ValueError: it has none.
    """
    value = event.get("v")
    if isinstance(value, float | int | str):
        return value
    if event.get("x") in TEXTS:
        return float(event["x"])
    raise ValueError("has no value")


def _list_of(event: Event) -> Any:
    if not isinstance(event.get("v"), list):
        raise ValueError("is not a list")
    return event["v"]


def _columns_of(event: Event) -> Any:
    if not isinstance(event.get("v"), dict):
        raise ValueError("has no columns")
    return event["v"]


def _scalars(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


def _lists(values: list[Any]) -> Any:
    return _scalars([item for value in values for item in value])


def _rows(values: list[dict[str, Any]]) -> Any:
    columns = dict.fromkeys(key for value in values for key in value)
    return {column: _scalars([value[column] for value in values if column in value]) for column in columns}


def _tables(values: list[dict[str, Any]]) -> Any:
    joined: dict[str, list[Any]] = {}
    for value in values:
        for column, cells in value.items():
            joined.setdefault(column, []).extend(cells if isinstance(cells, list) else [cells])
    return {column: _scalars(cells) for column, cells in joined.items()}


RESOURCE = "resource"
"""What the shim has seen of the machine; it is no metric, and not among them."""

KINDS: dict[str, tuple[str, Callable[[Event], Any]]] = {
    "metric": ("scalar", scalar_of),
    "list": ("list", _list_of),
    "row": ("row", _columns_of),
    "table": ("table", _columns_of),
    "image": ("image", scalar_of),
    "artifact": ("artifact", scalar_of),
    RESOURCE: (RESOURCE, scalar_of),
}
"""Journal event → (the kind of metric it logs, how to read its value)."""

SHAPES: dict[str, Callable[[list[Any]], Any]] = {
    "scalar": _scalars,
    "list": _lists,
    "row": _rows,
    "table": _tables,
    "image": _scalars,
    "artifact": _scalars,
}
"""Kind of metric → how ``run.get_metrics()`` shows all its values."""
