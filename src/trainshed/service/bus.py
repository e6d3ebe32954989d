"""Notifies waiting requests, and the driver of sweeps, about changes of runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Bus:
    """Passes changes of runs from worker threads to waiting requests."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._all: set[asyncio.Queue[str]] = set()
        self._subscribers: list[Callable[[str], object]] = []

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver in this event loop from now on."""
        self._loop = loop

    def subscribe(self, changed: Callable[[str], object]) -> None:
        """Have a function called with the id of each run that has changed, in the thread that reports it.

        Args:
            changed: returns at once and raises nothing.
        """
        self._subscribers.append(changed)

    def publish(self, run_id: str) -> None:
        """Report that a run has changed; can be called from any thread.

        Args:
            run_id: the run.
        """
        for changed in self._subscribers:
            changed(run_id)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, run_id)

    def _deliver(self, run_id: str) -> None:
        for event in self._waiting.get(run_id, ()):
            event.set()
        for queue in self._all:
            queue.put_nowait(run_id)

    @asynccontextmanager
    async def all(self) -> AsyncIterator[asyncio.Queue[str]]:
        """Yield a queue of the ids of all runs that change."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        self._all.add(queue)
        try:
            yield queue
        finally:
            self._all.discard(queue)

    @asynccontextmanager
    async def listen(self, run_id: str) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set at every change of the run; clear it before checking the run.

        Args:
            run_id: the run.
        """
        event = asyncio.Event()
        self._waiting.setdefault(run_id, set()).add(event)
        try:
            yield event
        finally:
            self._waiting[run_id].discard(event)
            if not self._waiting[run_id]:
                del self._waiting[run_id]
