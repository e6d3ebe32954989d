"""Stream a file of a run while it grows."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from trainshed.errors import NotFoundException
from trainshed.service.bus import Bus
from trainshed.service.files import open_inside

_CHUNK = 1 << 16
_SOONEST = 0.02
_LATEST = 0.25
"""Seconds between two looks at a file's size, while somebody follows it: the quieter the file, the rarer.

Not file system events: they need a thread a follower, do not exist on network file systems, and a look costs a
microsecond. The run's end is an event.
"""


async def follow(
    run_dir: Path, relative: str, offset: int, finished: Callable[[], bool], run_id: str, bus: Bus
) -> AsyncIterator[bytes]:
    """Yield the file's bytes from ``offset`` on as they come, until the run writes it no more.

    Args:
        run_dir: the run directory.
        relative: file in it; it may not be there yet.
        offset: where to begin.
        finished: tells whether the file will not grow any more.
        run_id: the run.
        bus: tells of changes of the run.
    """
    pause = _SOONEST
    async with bus.listen(run_id) as changes:
        last = await asyncio.to_thread(finished)
        while True:
            while chunk := await asyncio.to_thread(_read, run_dir, relative, offset):
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
                # Asked before the next reading: what was written before the end is read after it.
                last = await asyncio.to_thread(finished)


def _read(run_dir: Path, relative: str, offset: int) -> bytes:
    try:
        with open_inside(run_dir, relative) as file:
            file.seek(offset)
            return file.read(_CHUNK)
    except NotFoundException:
        return b""
