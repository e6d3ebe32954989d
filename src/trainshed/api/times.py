"""Formatting of timestamps."""

from __future__ import annotations

import time


def utc(moment: float) -> str:
    """Format a Unix timestamp as ISO 8601 in UTC.

    Example:
        >>> utc(0.25)
        '1970-01-01T00:00:00.250000Z'
    """
    seconds = int(moment // 1)
    micros = int(moment % 1 * 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{micros:06d}Z"
