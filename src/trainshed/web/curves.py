"""Curves of metrics, with as many points as a screen has pixels: the smallest and largest value of each are kept."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from typing import Any

from trainshed.errors import ServiceException
from trainshed.store import blocks
from trainshed.store.database import Database
from trainshed.store.values import RESOURCE, loaded

_NUMBER = "typeof(value) IN ('real', 'integer')"
_NARROWEST, _WIDEST = 50, 2000
_NAMES = 1000
_MANY = 20_000
"""So many points take some milliseconds to read."""
_READ = 500_000
"""Values of a run that are read for its extremes."""


class Curves:
    """Reads curves.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def curve(
        self, run_id: str, name: str, width: int, between: tuple[float, float] | None = None, by: str = "step"
    ) -> dict[str, Any] | None:
        """Return a curve.

        Args:
            run_id: the run.
            name: the metric.
            width: number of pixels; there are at most two points for each.
            between: only this part of the x axis.
            by: what is on the x axis: ``"step"`` or ``"time"``.

        Returns:
            ``{"x", "t", "y"}``: steps (the number of the value where none was logged), times, values. If there are more
            values than are returned (``"thinned"``), they are the smallest and the largest ones in turn. And
            ``"place"``, the position of the last value, and ``"points"``, how many there are. None if there is no such
            metric.
        """
        sql = "SELECT id, points, place, kind FROM series WHERE run = ? AND name = ?"
        found = self._database.tuples(sql, (run_id, name))
        if not found or found[0][3] not in ("scalar", RESOURCE):
            return None
        series, points, last, _ = found[0]
        if points > _MANY:
            self._with_blocks(series)
        width = min(max(width, _NARROWEST), _WIDEST)
        first, whole, skipped = self._place(series, "", "ASC"), points, 0
        if between is not None:
            first, last, skipped = self._part(series, between, by, first, last)
            sql = "SELECT count(*) FROM (SELECT 1 FROM points WHERE series = ? AND place BETWEEN ? AND ? LIMIT ?)"
            whole = self._database.column(sql, (series, first, last, 2 * _WIDEST))[0]
        read = self._all if whole <= 2 * width else self._thinned
        return {**read(series, first, last, skipped, width), "place": found[0][2], "points": points}

    def resources(self, run_id: str) -> list[dict[str, Any]]:
        """Return what has been seen of the machine that a run runs on: ``{"name", "value"}``, the last one.

        Args:
            run_id: the run.
        """
        sql = "SELECT name, value FROM series WHERE run = ? AND kind = ? ORDER BY id"
        return [{"name": name, "value": value} for name, value in self._database.tuples(sql, (run_id, RESOURCE))]

    def extremes(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the last, smallest and largest value of each metric of a run; of long ones the last alone.

        Args:
            run_id: the run.
        """
        sql = "SELECT id, name, points, value FROM series WHERE run = ? AND kind = 'scalar' ORDER BY id LIMIT ?"
        found: dict[str, dict[str, Any]] = {}
        left = _READ
        extremes = f"SELECT min(value), max(value) FROM points WHERE series = ? AND {blocks.NUMBER}"
        with self._database.reading() as reader:
            for series, name, points, last in reader.execute(sql, (run_id, _NAMES)).fetchall():
                found[name] = {"last": loaded(last), "points": points}
                if 1 < points <= left:
                    left -= points
                    found[name]["min"], found[name]["max"] = reader.execute(extremes, (series,)).fetchone()
        return found

    def _place(self, series: int, clause: str, order: str, *args: float) -> int:
        sql = f"SELECT place FROM points WHERE series = ? {clause} ORDER BY place {order} LIMIT 1"
        found = self._database.column(sql, (series, *args))
        return int(found[0]) if found else 0

    def _part(self, series: int, between: tuple[float, float], by: str, first: int, last: int) -> tuple[int, int, int]:
        """Return the positions of the first and the last value in a part of the x axis, and how many come before."""
        low, high = between
        if by == "time":
            begin = self._place(series, "AND time >= ?", "ASC", low) or first
            end = self._place(series, "AND time <= ?", "DESC", high) or last
        elif self._database.column("SELECT step FROM points WHERE series = ? LIMIT 1", (series,))[0] is not None:
            begin = self._place(series, "AND step >= ?", "ASC", low) or first
            end = self._place(series, "AND step <= ?", "DESC", high) or last
        else:
            begin, end = self._numbered(series, low, first), self._numbered(series, high + 1, last)
        # One more on each side, so that the line goes on to the edge.
        begin = self._place(series, "AND place < ?", "DESC", begin) or begin
        end = self._place(series, "AND place > ?", "ASC", end) or end
        sql = "SELECT count(*) FROM points WHERE series = ? AND place < ?"
        return begin, end, int(self._database.column(sql, (series, begin))[0])

    def _numbered(self, series: int, number: float, otherwise: int) -> int:
        sql = "SELECT place FROM points WHERE series = ? ORDER BY place LIMIT 1 OFFSET ?"
        found = self._database.column(sql, (series, max(int(number), 0)))
        return int(found[0]) if found else otherwise

    def _all(self, series: int, first: int, last: int, skipped: int, _: int) -> dict[str, Any]:
        sql = (
            f"SELECT step, time, CASE WHEN {_NUMBER} THEN value END FROM points "
            "WHERE series = ? AND place BETWEEN ? AND ? ORDER BY place"
        )
        rows = self._database.tuples(sql, (series, first, last))
        return {
            "x": [skipped + number if step is None else step for number, (step, _, _) in enumerate(rows)],
            "t": [time for _, time, _ in rows],
            "y": [_finite(value) for _, _, value in rows],
        }

    def _thinned(self, series: int, first: int, last: int, skipped: int, width: int) -> dict[str, Any]:
        with self._database.reading() as reader:
            found = blocks.read(reader, series, first, last)
        if len(found) < width:
            return self._scanned(series, first, last, skipped, width)
        x: list[float] = []
        t: list[float] = []
        y: list[float | None] = []

        def draw(step: float, time: float, numbers: Iterable[float | None]) -> None:
            known = [each for each in numbers if each is not None]
            x.extend((step, step))
            t.extend((time, time))
            y.extend((min(known, default=None), max(known, default=None)))

        # What lies beside the blocks is less than one.
        before = self._all(series, first, found[0].place - 1, skipped, 0)
        skipped += len(before["x"])
        after = self._all(series, found[-1].last + 1, last, skipped + len(found) * blocks.SIZE, 0)
        if before["x"]:
            draw(before["x"][0], before["t"][0], before["y"])
        for pixel in range(width):
            begin, end = len(found) * pixel // width, len(found) * (pixel + 1) // width
            step = found[begin].step
            numbers = (number for block in found[begin:end] for number in (block.low, block.high))
            draw(skipped + begin * blocks.SIZE if step is None else step, found[begin].time, numbers)
        if after["x"]:
            draw(after["x"][0], after["t"][0], after["y"])
        return {"x": x, "t": t, "y": y, "thinned": True}

    def _with_blocks(self, series: int) -> None:
        """Store the blocks of a metric that was logged with a release that stored none."""
        if not self._database.column("SELECT 1 FROM blocks WHERE series = ? LIMIT 1", (series,)):
            # If the disk is full, all points are read.
            with contextlib.suppress(ServiceException), self._database.transaction() as write:
                blocks.extend(write, series)

    def _scanned(self, series: int, first: int, last: int, skipped: int, width: int) -> dict[str, Any]:
        # Some queries for each pixel: a single one that groups would sort all points. What is no number is left out
        # only where it is met, as the conditions would double the time.
        between = "FROM points WHERE series = ? AND place >= ? AND place < ?"
        extremes = f"SELECT min(value), max(value) {between}"
        numbers = f"{extremes} AND {blocks.NUMBER}"
        begin = f"SELECT step, time {between} ORDER BY place LIMIT 1"
        count = f"SELECT count(*) {between}"
        x: list[float] = []
        t: list[float] = []
        y: list[float] = []
        span = last + 1 - first
        with self._database.reading() as reader:
            for pixel in range(width):
                part = series, first + span * pixel // width, first + span * (pixel + 1) // width
                place = reader.execute(begin, part).fetchone()
                if place is None:
                    continue
                step, time = place
                if step is None:
                    step, skipped = skipped, skipped + reader.execute(count, part).fetchone()[0]
                low, high = reader.execute(extremes, part).fetchone()
                if not (_plain(low) and _plain(high)):
                    low, high = reader.execute(numbers, part).fetchone()
                x += [step, step]
                t += [time, time]
                y += [low, high]
        return {"x": x, "t": t, "y": y, "thinned": True}


def _plain(value: Any) -> bool:
    return isinstance(value, float | int) and math.isfinite(value)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
