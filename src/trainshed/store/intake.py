"""What a batch of journal events changes: collected first, then stored at once."""

from __future__ import annotations

import sqlite3
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.store import blocks, labels, values
from trainshed.store.values import Event

_FIND = "SELECT id, kind, plain, points, place, step, time, value FROM series WHERE run = ? AND name = ?"
_NEW = "INSERT INTO series (run, name, kind, plain, points, place, time) VALUES (?, ?, ?, 1, 0, -1, 0.0)"
_UPDATE = "UPDATE series SET plain = ?, points = ?, place = ?, step = ?, time = ?, value = ? WHERE id = ?"
_POINT = "INSERT INTO points (series, place, step, time, value) VALUES (?, ?, ?, ?, ?)"
_UPLOADED = "file"
"""Written by the script for its own later reading; the service lists files from their folder."""
_INT64 = 1 << 63
_TOO_LATE = 1e12

Point = tuple[int, int, int | None, float, Any]


class _Series:
    """A metric that the batch adds to."""

    __slots__ = ("before", "count", "id", "kind", "last", "place", "plain", "shown")

    def __init__(self, number: int, kind: str, plain: int, count: int, *newest: Any) -> None:
        self.id = number
        self.kind = kind
        self.plain = plain
        self.before = self.count = count
        self.place: int = newest[0]
        self.last: Point | None = None
        self.shown: tuple[Any, ...] = newest[1:]
        """Step, time and value of what counts as its newest point."""


class Intake:
    """Collects events one by one.

    No event can make it fail: a script may write anything into its journal, and its run must still end properly. Events
    that cannot be stored are ignored, with a warning.

    Args:
        write: the transaction's connection.
        run_id: the run, which exists.
        by_step: what counts as the newest point of a metric is that of the highest step, and not the last one; one that
            repeats the last is ignored.

    Attributes:
        warnings: messages for the user, each once.
    """

    def __init__(self, write: sqlite3.Connection, run_id: str, by_step: bool = False) -> None:
        self._write = write
        self._by_step = by_step
        self._run = run_id
        self._series: dict[str, _Series] = {}
        self._points: list[Point] = []
        self._labels: dict[str, labels.Labels] = {}
        self._seen: dict[str, None] = {}

    @property
    def warnings(self) -> list[str]:
        """Messages for the user, each once."""
        return list(self._seen)

    def take(self, place: int, event: Event) -> None:
        """Add one event.

        Args:
            place: the byte offset of its beginning in the journal.
            event: the event.
        """
        kind, name = event.get("k"), event.get("n")
        if not isinstance(kind, str) or not isinstance(name, str) or not name:
            self._warn("A journal event without a kind or a name was ignored.")
            return
        if not values.whole(name):
            name = name.encode("utf-8", "replace").decode()
        try:
            if kind in values.KINDS:
                self._metric(place, name, event)
            elif kind != _UPLOADED:
                self._label(kind, name, event.get("v"))
        except UserErrorException as error:
            self._warn(f"{kind.capitalize()} '{name[:80]}' was ignored: {error.message}")

    def store(self) -> None:
        """Store what was collected."""
        self._write.executemany(_POINT, self._points)
        touched = [item for item in self._series.values() if item.last]
        self._write.executemany(
            _UPDATE, [(item.plain, item.count, item.place, *item.shown, item.id) for item in touched]
        )
        for item in touched:
            if item.count // blocks.SIZE > item.before // blocks.SIZE:
                blocks.extend(self._write, item.id)
        for column, changed in self._labels.items():
            labels.save(self._write, self._run, column, changed)

    def _metric(self, place: int, name: str, event: Event) -> None:
        kind, value_of = values.KINDS[event["k"]]
        try:
            value = value_of(event)
        except ValueError as error:
            raise UserErrorException(f"it {error}.") from error
        if value == []:
            return  # v1 would fail on an empty list; here it is ignored
        series = self._series.get(name) or self._find(name, kind)
        if series.kind != kind:
            self._warn(
                f"Metric '{name[:80]}' is a {series.kind}; a {kind} logged under the same name was ignored. "
                "Give it another name."
            )
            return
        kept = values.stored(value)
        point = (_step(event), _time(event), kept)
        if self._by_step and series.count and point == series.shown:
            return
        if kept is None or isinstance(kept, bytes):
            series.plain = 0
        if not self._by_step or not series.count or _rank(point) >= _rank(series.shown):
            series.shown = point
        series.count += 1
        # In the order of arrival, from whichever of the run's journals they came.
        series.place = max(place, series.place + 1)
        series.last = (series.id, series.place, *point)
        self._points.append(series.last)

    def _find(self, name: str, kind: str) -> _Series:
        """Return a metric, creating it if it is new: the first use of a name decides its kind, as in v1."""
        row = self._write.execute(_FIND, (self._run, name)).fetchone()
        if row is None:
            made = self._write.execute(_NEW, (self._run, name, kind)).lastrowid
            row = (made, kind, 1, 0, -1, None, 0.0, None)
        series = self._series[name] = _Series(*row)
        return series

    def _label(self, kind: str, name: str, value: Any) -> None:
        if kind == "tag":
            self._labelled("tags").update(labels.checked({name: value}))
        elif kind == "untag":
            self._labelled("tags").pop(name, None)
        elif kind == "property":
            old = self._labelled("properties")
            old.update(labels.with_properties(old, labels.checked({name: value})))
        else:
            self._warn(f"Journal events of unknown kind '{kind[:40]}' were ignored.")

    def _labelled(self, column: str) -> labels.Labels:
        if column not in self._labels:
            self._labels[column] = labels.load(self._write, self._run, column)
        return self._labels[column]

    def _warn(self, sentence: str) -> None:
        self._seen[sentence] = None


def _rank(point: tuple[Any, ...]) -> tuple[Any, ...]:
    step, time, value = point
    return step or 0, time, value if isinstance(value, int | float) else float("-inf")


def _step(event: Event) -> int | None:
    step = event.get("s")
    return step if isinstance(step, int) and -_INT64 <= step < _INT64 else None


def _time(event: Event) -> float:
    time = event.get("t")
    # NaN cannot be compared.
    return float(time) if isinstance(time, float | int) and 0 <= time < _TOO_LATE else 0.0
