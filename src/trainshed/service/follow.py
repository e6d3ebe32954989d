"""Streams a file of a run while it grows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from trainshed.service.bus import Bus
from trainshed.service.mirror import Mirror

_CHUNK = 1 << 18
_SOONEST = 0.02
_LATEST = 0.25
"""Seconds between two checks of a file's size while a client follows it; rarer if it does not change.

File system events are not used: they need a thread per follower and do not work on network file systems, and a check
takes a microsecond. The run's end is an event.
"""


async def follow(
    mirror: Mirror, run_id: str, path: str, offset: int, finished: Callable[[], bool], bus: Bus
) -> AsyncIterator[bytes]:
    """Yield the file's bytes from ``offset`` on as they arrive, until the run no longer writes it.

    Args:
        mirror: the run directories.
        run_id: the run.
        path: file in its directory; it may not exist yet.
        offset: where to start.
        finished: tells whether the file will not grow any more.
        bus: reports changes of the run.
    """
    pause = _SOONEST
    async with bus.listen(run_id) as changes:
        last = await asyncio.to_thread(finished)
        while True:
            while chunk := await asyncio.to_thread(mirror.read, run_id, path, offset, _CHUNK):
                offset += len(chunk)
                pause = _SOONEST
                yield chunk
            if last:
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changes.wait(), pause)
            pause = min(pause * 1.5, _LATEST)
            if changes.is_set():
                changes.clear()
                # Checked before the next read, so that everything written before the end is read after it.
                last = await asyncio.to_thread(finished)
