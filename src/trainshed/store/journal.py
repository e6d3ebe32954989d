"""Journals as text: the events of whole lines."""

from __future__ import annotations

import json

from trainshed.store.values import Event


def events_of(lines: bytes, start: int) -> list[tuple[int, Event]]:
    r"""Return each event of whole lines with the byte at which it begins.

    A line that is no JSON object (torn when a disk was full) is passed over.

    Args:
        lines: whole lines.
        start: the first byte's place in the journal.

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
