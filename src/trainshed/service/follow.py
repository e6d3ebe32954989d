"""Stream a file of a run while it grows, woken by the file system and by the run's own changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from trainshed.errors import NotFoundException
from trainshed.service.bus import Bus
from trainshed.service.files import open_inside

_CHUNK = 1 << 16
_SAFETY = 1.0
"""Seconds after which a look is taken even without an event: some file systems tell of none."""


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
    async with bus.listen(run_id) as news, _watched((run_dir / relative).parent, news):
        while True:
            news.clear()
            # Asked before reading: what was written before the end is read after it.
            last = await asyncio.to_thread(finished)
            while chunk := await asyncio.to_thread(_read, run_dir, relative, offset):
                offset += len(chunk)
                yield chunk
            if last:
                return
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(news.wait(), _SAFETY)


def _read(run_dir: Path, relative: str, offset: int) -> bytes:
    try:
        with open_inside(run_dir, relative) as file:
            file.seek(offset)
            return file.read(_CHUNK)
    except NotFoundException:
        return b""


@contextlib.asynccontextmanager
async def _watched(folder: Path, news: asyncio.Event) -> AsyncIterator[None]:
    """Set ``news`` whenever something in ``folder`` changes."""
    stop = asyncio.Event()
    task = asyncio.create_task(_watch(folder, news, stop))
    try:
        yield
    finally:
        stop.set()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _watch(folder: Path, news: asyncio.Event, stop: asyncio.Event) -> None:
    from watchfiles import awatch  # 70 ms that only those who stream need to wait for

    while not folder.is_dir():
        # The shim makes the folder within milliseconds of its start; the run's own events wake us in the meantime.
        await asyncio.sleep(0.02)
    async for _ in awatch(folder, recursive=False, step=5, debounce=20, stop_event=stop, watch_filter=None):
        news.set()
