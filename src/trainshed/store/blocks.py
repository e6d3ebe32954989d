"""Extremes of long metrics, block by block, so that a million points can be drawn without reading them."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

SIZE = 256
"""Points of a block."""
NUMBER = "value BETWEEN -1e308 AND 1e308"
"""In SQL: the value can be drawn. Texts and what is packed are greater than all numbers, and NaN is NULL."""
_LAST = "SELECT last FROM blocks WHERE series = ? ORDER BY place DESC LIMIT 1"
_FIRST = "SELECT place, step, time FROM points WHERE series = ? AND place > ? ORDER BY place LIMIT 1"
_NEXT = (
    f"SELECT count(*), min(value) FILTER (WHERE {NUMBER}), max(value) FILTER (WHERE {NUMBER}), max(place) "
    "FROM (SELECT place, value FROM points WHERE series = ? AND place > ? ORDER BY place LIMIT ?)"
)
_STORE = "INSERT INTO blocks (series, place, step, time, low, high, last) VALUES (?, ?, ?, ?, ?, ?, ?)"
_BETWEEN = (
    "SELECT place, step, time, low, high, last FROM blocks "
    "WHERE series = ? AND place >= ? AND place <= ? AND last <= ? ORDER BY place"
)


class Block(NamedTuple):
    """Some points that follow one another.

    Attributes:
        place: of the first of them.
        step: its step.
        time: its time.
        low: the smallest number; None if there is none that can be drawn.
        high: the largest number.
        last: place of the last of them.
    """

    place: int
    step: int | None
    time: float
    low: float | None
    high: float | None
    last: int


def extend(write: sqlite3.Connection, series: int) -> None:
    """Store the blocks that a metric has filled since the last time.

    Args:
        write: the transaction's connection.
        series: number of the metric.
    """
    row = write.execute(_LAST, (series,)).fetchone()
    last = row[0] if row else -1
    while True:
        count, low, high, end = write.execute(_NEXT, (series, last, SIZE)).fetchone()
        if count < SIZE:
            return
        first = write.execute(_FIRST, (series, last)).fetchone()
        write.execute(_STORE, (series, *first, low, high, end))
        last = end


def read(cursor: sqlite3.Cursor, series: int, first: int, last: int) -> list[Block]:
    """Return the blocks that lie within two places, in order.

    Args:
        cursor: to read with; its rows are tuples.
        series: number of the metric.
        first: the first place.
        last: the last place.
    """
    return [Block(*row) for row in cursor.execute(_BETWEEN, (series, first, last, last))]
