"""Metrics of runs: read from their journals exactly once, and returned in v1's shapes."""

from __future__ import annotations

from typing import Any

from trainshed.errors import NotFoundException
from trainshed.spec import layout
from trainshed.store.database import Database
from trainshed.store.intake import Intake
from trainshed.store.values import RESOURCE, SHAPES, Event, loaded

_OFFSET = (
    "SELECT coalesce(bytes, 0) FROM runs LEFT JOIN collected ON collected.run = runs.id AND file = ? WHERE runs.id = ?"
)
_ADVANCE = (
    "INSERT INTO collected (run, file, bytes) VALUES (?, ?, ?) "
    "ON CONFLICT (run, file) DO UPDATE SET bytes = max(bytes, excluded.bytes)"
)
_DIRECT = f"{layout.JOURNAL}/direct"
"""In place of a journal's name: what was told to the service itself."""


class Metrics:
    """The tables of metrics.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def offset(self, run_id: str, file: str = layout.JOURNAL) -> int:
        """Return how many bytes of a run's journal have been stored.

        Args:
            run_id: the run.
            file: which of its journals: a program on another machine has its own.
        """
        row = self._database.one(_OFFSET, (file, run_id))
        return int(row[0]) if row else 0

    def append(
        self, run_id: str, events: list[tuple[int, Event]], next_offset: int, file: str = layout.JOURNAL
    ) -> list[str]:
        """Store journal events and the next offset in one transaction.

        Metrics, tags and properties are stored. Events that were stored before change nothing, whatever has been
        changed
        since; invalid events are ignored.

        Args:
            run_id: the run.
            events: each with the byte offset of its line in the journal, in order.
            next_offset: the byte after the last of them.
            file: the journal, as for :meth:`offset`.

        Returns:
            Warnings for the user.

        Raises:
            NotFoundException: no such run.
        """
        with self._database.transaction() as write:
            row = write.execute(_OFFSET, (file, run_id)).fetchone()
            if row is None:
                raise NotFoundException(f"There is no run '{run_id}' to store metrics for.")
            floor = row[0]
            intake = Intake(write, run_id)
            for place, event in events:
                if place >= floor:
                    floor = place + 1
                    intake.take(place, event)
            intake.store()
            write.execute(_ADVANCE, (run_id, file, max(next_offset, floor)))
        return intake.warnings

    def add(self, run_id: str, events: list[Event]) -> list[str]:
        """Store events that come without a journal. The newest point of a metric is then that of the highest step.

        Args:
            run_id: the run.
            events: as for :meth:`append`.

        Returns:
            Warnings for the user.

        Raises:
            NotFoundException: no such run.
        """
        with self._database.transaction() as write:
            row = write.execute(_OFFSET, (_DIRECT, run_id)).fetchone()
            if row is None:
                raise NotFoundException(f"There is no run '{run_id}' to store metrics for.")
            intake = Intake(write, run_id, by_step=True)
            for place, event in enumerate(events, row[0]):
                intake.take(place, event)
            intake.store()
            write.execute(_ADVANCE, (run_id, _DIRECT, row[0] + len(events)))
        return intake.warnings

    def read(self, run_id: str, name: str | None = None) -> dict[str, Any]:
        """Return a run's metrics, name → value, in the shape of v1's ``run.get_metrics()``.

        Args:
            run_id: the run.
            name: only this metric.

        Returns:
            A scalar if it was logged once, a list in order if it was logged more often; a dict of columns for a row or
            a
            table. Metrics are in the order in which they were first logged.
        """
        sql = f"SELECT name, kind, id, place, plain FROM series WHERE run = ? AND kind <> '{RESOURCE}'"
        args = (run_id,) if name is None else (run_id, name)
        rows = self._database.tuples(f"{sql}{' AND name = ?' if len(args) == 2 else ''} ORDER BY id", args)
        return {label: SHAPES[kind](self._values(*series)) for label, kind, *series in rows}

    def _values(self, series: int, place: int, plain: int) -> list[Any]:
        # Up to the last point at the time `plain` was read: more may have arrived since.
        sql = "SELECT value FROM points WHERE series = ? AND place <= ? ORDER BY place"
        values = self._database.column(sql, (series, place))
        # Nearly all values are plain floats, and reading a hundred thousand of them must be fast.
        return values if plain else [loaded(value) for value in values]

    def points(self, run_id: str, name: str, skip: int = 0) -> list[tuple[int | None, float, Any]]:
        """Return the history of a metric, ``(step, time, value)``, in the order it was logged.

        Args:
            run_id: the run.
            name: the metric.
            skip: leave out so many, the first ones.
        """
        sql = (
            "SELECT points.step, points.time, points.value FROM series JOIN points ON points.series = series.id "
            "WHERE run = ? AND name = ? ORDER BY points.place LIMIT -1 OFFSET ?"
        )
        return [(step, time, loaded(value)) for step, time, value in self._database.tuples(sql, (run_id, name, skip))]

    def numbers(self, run_id: str, name: str) -> list[tuple[int | None, float, float]]:
        """Return what :meth:`points` does, but for what is no number."""
        found = self.points(run_id, name)
        return [each for each in found if isinstance(each[2], float | int) and not isinstance(each[2], bool)]

    def since(self, run_id: str, place: int, limit: int = 20_000) -> list[tuple[int, str, int | None, float, Any]]:
        """Return what was logged after a position in the journal, ``(place, name, step, time, value)``, in order.

        Args:
            run_id: the run.
            place: position of the last known point; -1 for the beginning.
            limit: the maximum number of points.
        """
        sql = (
            "SELECT points.place, name, points.step, points.time, points.value FROM series "
            "JOIN points ON points.series = series.id "
            f"WHERE run = ? AND points.place > ? AND kind <> '{RESOURCE}' ORDER BY points.place LIMIT ?"
        )
        found = self._database.tuples(sql, (run_id, place, limit))
        return [(at, name, step, time, loaded(value)) for at, name, step, time, value in found]

    def latest(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the newest point of every metric, without reading the others.

        Args:
            run_id: the run.

        Returns:
            Name → ``{"kind", "count", "place", "step", "time", "value"}``.
        """
        sql = "SELECT name, kind, points, place, step, time, value FROM series WHERE run = ? AND kind <> ? ORDER BY id"
        return {
            name: {"kind": kind, "count": points, "place": place, "step": step, "time": time, "value": loaded(value)}
            for name, kind, points, place, step, time, value in self._database.tuples(sql, (run_id, RESOURCE))
        }
