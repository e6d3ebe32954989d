"""Parses journals: the events of complete lines."""

from __future__ import annotations

import json

from trainshed.store.values import Event


def events_of(lines: bytes, start: int) -> list[tuple[int, Event]]:
    r"""Return each event of complete lines with the byte offset of its line.

    A line that is not a JSON object (cut off because a disk was full) is skipped.

    Args:
        lines: complete lines.
        start: the journal offset of the first byte.

    Example:
        >>> events_of(b'{"k":"metric"}\nnonsense\n', 100)
        [(100, {'k': 'metric'})]
    """
    events = []
    offset = start
    for line in lines.splitlines(keepends=True):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if isinstance(event, dict):
            events.append((offset, event))
        offset += len(line)
    return events
