"""Metrics of runs, taken from their journals exactly once, and given back in v1's shapes."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable
from itertools import islice
from typing import Any

from trainshed.spec import layout
from trainshed.store.database import Database
from trainshed.store.history import change_labels

KINDS = {"metric": "scalar", "list": "list", "row": "row", "table": "table", "image": "image"}
_INT64 = 1 << 63
_INSERT = (
    "INSERT INTO metrics (run, name, place, kind, step, time, value, form) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING"
)

Event = dict[str, Any]


class Metrics:
    """The table of metrics.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def offset(self, run_id: str) -> int:
        """Return how many bytes of a run's journal have been taken in."""
        sql = "SELECT bytes FROM collected WHERE run = ? AND file = ?"
        row = self._database.one(sql, (run_id, layout.JOURNAL))
        return int(row["bytes"]) if row else 0

    def append(self, run_id: str, events: list[tuple[int, Event]], next_offset: int) -> None:
        """Take in journal events and the place to go on from, in one transaction.

        Args:
            run_id: the run.
            events: each with the byte at which it begins in the journal; known ones change nothing.
            next_offset: the byte after the last of them.
        """
        with self._database.transaction() as write:
            kinds: dict[str, str] = {}
            rows = []
            for place, event in events:
                kind = KINDS.get(str(event.get("k")))
                if kind is None:
                    _apply_label(write, run_id, event)
                elif _kind_of(write, run_id, str(event.get("n")), kind, kinds) == kind:
                    rows.append(_row(run_id, place, kind, event))
            write.executemany(_INSERT, rows)
            write.execute(
                "INSERT INTO collected (run, file, bytes) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET bytes = max(bytes, excluded.bytes)",
                (run_id, layout.JOURNAL, next_offset),
            )

    def read(self, run_id: str, name: str | None = None) -> dict[str, Any]:
        """Return a run's metrics, name → value, as v1's ``run.get_metrics()`` shapes them.

        Args:
            run_id: the run.
            name: only this metric.

        Returns:
            A scalar logged once is the scalar, logged more often a list in order; a row or table is a dict of
            columns.
        """
        with self._database.reading():
            return self._read(run_id, name)

    def _read(self, run_id: str, name: str | None) -> dict[str, Any]:
        which, args = ("run = ? AND name = ?", (run_id, name)) if name else ("run = ?", (run_id,))
        outline = (
            f"SELECT name, min(kind), count(*), max(form <> 'f') FROM metrics WHERE {which} GROUP BY name ORDER BY name"
        )
        values = iter(self._database.tuples(f"SELECT value FROM metrics WHERE {which} ORDER BY name, place", args))
        found = {}
        # Nearly all series are plain floats, and a hundred thousand of them should be read in a blink:
        # their values alone leave the database.
        for label, kind, count, mixed in self._database.tuples(outline, args):
            series = [value for (value,) in islice(values, count)]
            if mixed:
                forms = "SELECT form FROM metrics WHERE run = ? AND name = ? ORDER BY place"
                known = self._database.tuples(forms, (run_id, label))
                series = [_READERS[form](value) for (form,), value in zip(known, series, strict=False)]
            found[label] = _SHAPES[kind](series)
        return found

    def points(self, run_id: str, name: str) -> list[tuple[int | None, float, Any]]:
        """Return the history of a metric, ``(step, time, value)``, in the order it was logged.

        Args:
            run_id: the run.
            name: the metric.
        """
        sql = "SELECT step, time, form, value FROM metrics WHERE run = ? AND name = ? ORDER BY place"
        return [
            (row["step"], row["time"], _READERS[row["form"]](row["value"]))
            for row in self._database.all(sql, (run_id, name))
        ]


def _kind_of(write: sqlite3.Connection, run_id: str, name: str, new: str, known: dict[str, str]) -> str:
    """Return the kind that a name has: its first use decides, as in v1."""
    if name not in known:
        row = write.execute("SELECT kind FROM metrics WHERE run = ? AND name = ? LIMIT 1", (run_id, name)).fetchone()
        known[name] = str(row[0]) if row else new
    return known[name]


def _row(run_id: str, place: int, kind: str, event: Event) -> tuple[Any, ...]:
    value = float(event["x"]) if "x" in event else event.get("v")
    stored, form = _stored(value)
    step = event.get("s")
    step = step if isinstance(step, int) and -_INT64 <= step < _INT64 else None
    return (run_id, str(event.get("n")), place, kind, step, float(event.get("t", 0.0)), stored, form)


def _stored(value: Any) -> tuple[Any, str]:
    """Return what SQLite keeps of a value, and the form that brings it back: it has no NaN, bool or long int."""
    if isinstance(value, bool):
        return int(value), "b"
    if isinstance(value, float):
        return (value, "f") if math.isfinite(value) else (repr(value), "x")
    if isinstance(value, int):
        return (value, "i") if -_INT64 <= value < _INT64 else (str(value), "I")
    if isinstance(value, str):
        return value, "s"
    return json.dumps(value), "j"


def _float(value: dict[str, Any]) -> Any:
    """Turn the journal's ``{"$float": "NaN"}`` back into the float that JSON lacks."""
    return float(value["$float"]) if value.keys() == {"$float"} else value


def _same(value: Any) -> Any:
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "f": _same,
    "i": _same,
    "s": _same,
    "b": bool,
    "x": float,
    "I": int,
    "j": lambda text: json.loads(text, object_hook=_float),
}


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


_SHAPES: dict[str, Callable[[list[Any]], Any]] = {
    "scalar": _scalars,
    "list": _lists,
    "row": _rows,
    "table": _tables,
    "image": _scalars,
}


def _apply_label(write: sqlite3.Connection, run_id: str, event: Event) -> None:
    name, value = event.get("n"), event.get("v")
    kind = event.get("k")
    if kind == "tag":
        change_labels(write, run_id, "tags", lambda old: {**old, name: value})
    elif kind == "untag":
        change_labels(write, run_id, "tags", lambda old: {k: v for k, v in old.items() if k != name})
    elif kind == "property":
        # The first value stays: a property cannot be changed.
        change_labels(write, run_id, "properties", lambda old: {name: value, **old})
