"""Extremes of long metrics, block by block, so that a million points can be drawn without reading them.

A block is a row of ``points`` under the negative number of its metric, where nothing else looks. Place, step and time
are those of its first point; its value is, packed, its smallest and largest number and the place of its last point.
"""

from __future__ import annotations

import sqlite3
import struct
from typing import NamedTuple

SIZE = 256
"""Points of a block."""
NUMBER = "value BETWEEN -1e308 AND 1e308"
"""In SQL: the value can be drawn. Texts and what is packed are greater than all numbers, and NaN is NULL."""
_PACKED = struct.Struct("<ddq")
_LAST = "SELECT value FROM points WHERE series = ? ORDER BY place DESC LIMIT 1"
_FIRST = "SELECT place, step, time FROM points WHERE series = ? AND place > ? ORDER BY place LIMIT 1"
_NEXT = (
    f"SELECT count(*), min(value) FILTER (WHERE {NUMBER}), max(value) FILTER (WHERE {NUMBER}), max(place) "
    "FROM (SELECT place, value FROM points WHERE series = ? AND place > ? ORDER BY place LIMIT ?)"
)
_STORE = "INSERT INTO points (series, place, step, time, value) VALUES (?, ?, ?, ?, ?)"
_BETWEEN = "SELECT place, step, time, value FROM points WHERE series = ? AND place >= ? AND place <= ? ORDER BY place"


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
    row = write.execute(_LAST, (-series,)).fetchone()
    last = _PACKED.unpack(row[0])[2] if row else -1
    while True:
        count, low, high, end = write.execute(_NEXT, (series, last, SIZE)).fetchone()
        if count < SIZE:
            return
        first = write.execute(_FIRST, (series, last)).fetchone()
        value = _PACKED.pack(*(float("nan") if each is None else each for each in (low, high)), end)
        write.execute(_STORE, (-series, *first, value))
        last = end


def read(cursor: sqlite3.Cursor, series: int, first: int, last: int) -> list[Block]:
    """Return the blocks that lie within two places, in order.

    Args:
        cursor: to read with; its rows are tuples.
        series: number of the metric.
        first: the first place.
        last: the last place.
    """
    found = []
    for place, step, time, value in cursor.execute(_BETWEEN, (-series, first, last)):
        low, high, end = _PACKED.unpack(value)
        if end <= last:
            none = low != low  # noqa: PLR0124 - NaN
            found.append(Block(place, step, time, None if none else low, None if none else high, end))
    return found
