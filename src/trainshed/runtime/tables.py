"""What was logged so far, in the shapes that v1 returned."""

import os

from trainshed.runtime import errors

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Iterator

_KINDS = ("metric", "list", "row", "table", "image", "artifact")


class Tables:
    """Accumulates events into metrics, tags and properties.

    Attributes:
        tags: the current tags.
        properties: the current properties.

    Example:
        >>> tables = Tables()
        >>> tables.take("metric", "loss", 0.5)
        >>> tables.take("metric", "loss", 0.25)
        >>> tables.metrics()
        {'loss': [0.5, 0.25]}
    """

    def __init__(self) -> None:
        self.tags: "dict[str, str | None]" = {}
        self.properties: "dict[str, str]" = {}
        self._series: "dict[str, tuple[str, list[object]]]" = {}

    def take(self, kind: str, name: str, value: object) -> None:
        """Add one event.

        Args:
            kind: as in the journal.
            name: metric, tag or property.
            value: its value.
        """
        if kind in _KINDS:
            first, kept = self._series.setdefault(name, (kind, []))
            if first == kind:  # as in v1, the first use of a name decides what it is
                kept.append(value)
        elif kind == "tag":
            self.tags[name] = None if value is None else str(value)
        elif kind == "untag":
            self.tags.pop(name, None)
        elif kind == "property":
            self.properties.setdefault(name, str(value))

    def metrics(self, name: "str | None" = None) -> "dict[str, object]":
        """Return the metrics, name → value.

        Args:
            name: only this one.

        Returns:
            A scalar for a value that was logged once, a list if it was logged more often, a dict of columns for a row
            or a table.
        """
        return {
            label: _shape(kind, kept) for label, (kind, kept) in self._series.items() if kept and name in (None, label)
        }


def _shape(kind: str, kept: "list[object]") -> object:
    if kind == "list":
        return _unwrapped([cell for cells in kept if isinstance(cells, list) for cell in cells])
    if kind in ("row", "table"):
        columns: "dict[str, list[object]]" = {}
        for row in kept:
            for column, cells in row.items() if isinstance(row, dict) else ():
                columns.setdefault(column, []).extend(cells if isinstance(cells, list) else [cells])
        return {column: _unwrapped(cells) for column, cells in columns.items()}
    return _unwrapped(kept)


def _unwrapped(cells: "list[object]") -> object:
    return cells[0] if len(cells) == 1 else list(cells)


def labels_of(variable: str) -> "dict[str, str | None]":
    """Return the tags or properties that the run was submitted with.

    Args:
        variable: environment variable with a JSON object, e.g. ``"TRAINSHED_TAGS"``.
    """
    import json  # takes 5 ms; scripts that only log do not need it

    try:
        found = json.loads(os.environ.get(variable, "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def read(path: str, tables: Tables, but: bytes = b"\n") -> Tables:
    """Add all events of a journal to ``tables`` and return it; invalid lines are skipped.

    Args:
        path: the journal; it may be missing.
        tables: the tables to fill.
        but: skip lines that begin with this.
    """
    for event in events(path, but):
        try:
            value = float(event["x"]) if "x" in event else event.get("v")
            tables.take(str(event["k"]), str(event["n"]), value)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return tables


def events(path: str, but: bytes = b"\n") -> "Iterator[dict[str, Any]]":
    """Yield the events of a journal; invalid lines are skipped.

    Args:
        path: the journal; it may be missing.
        but: skip lines that begin with this.
    """
    import json

    try:
        with open(path, "rb") as lines:
            for line in lines:
                if line.startswith(but):
                    continue
                try:
                    event = json.loads(line, object_hook=_number)
                except (ValueError, RecursionError):
                    continue
                if isinstance(event, dict):
                    yield event
    except FileNotFoundError:
        pass
    except OSError as error:
        errors.warn(f"the journal could not be read ({error}); training continues.")


def _number(found: "dict[str, object]") -> object:
    return float(str(found["$float"])) if found.keys() == {"$float"} else found
