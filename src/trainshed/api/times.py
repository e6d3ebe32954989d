"""Times as v1 wrote them."""

from __future__ import annotations

import time


def utc(moment: float) -> str:
    """Return a time in UTC, in ISO 8601.

    Example:
        >>> utc(0.25)
        '1970-01-01T00:00:00.250000Z'
    """
    whole = int(moment // 1)
    micros = int(moment % 1 * 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{micros:06d}Z"
