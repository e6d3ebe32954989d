"""Threads for what may take long, or hang: none of it holds up anything else, and none of it ends with an error."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trainshed.errors import MachineUnreachableException
from trainshed.service.attempts import attempt

log = logging.getLogger("trainshed.service")
_THREADS = 16
"""Made as they are needed; so many are needed only if some of them hang."""
_MANY = 256
_MOST_SAID = 1000


class Background:
    """The threads of one target.

    Args:
        name: what the target is called in the log.
        unreachable: called when its machine does not answer.
        many: much may wait at once, as for a queue elsewhere.
    """

    def __init__(
        self, name: str, unreachable: Callable[[MachineUnreachableException], object], many: bool = False
    ) -> None:
        self._name = name
        self._unreachable = unreachable
        self._pool = ThreadPoolExecutor(max_workers=_MANY if many else _THREADS, thread_name_prefix=name)
        self._at_work: set[tuple[object, ...]] = set()
        self._said: set[str] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(self, work: Callable[..., object], *args: Any) -> None:
        """Do something in another thread, unless the same is being done or waits to be: what hangs must not pile up."""
        key = (work, *args)
        with self._lock:
            if key in self._at_work or self._closed:
                return
            self._at_work.add(key)
        self._pool.submit(self._do, key)

    def _do(self, key: tuple[Any, ...]) -> None:
        try:
            self.guarded(*key)
        finally:
            self._at_work.discard(key)

    def guarded(self, work: Callable[..., object], *args: Any) -> None:
        """Do something in this thread; an error is written into the log, and what comes next is done as well."""
        try:
            attempt(work, *args, failed=self.complain)
        except MachineUnreachableException as error:
            attempt(self._unreachable, error, failed=self.complain)

    def complain(self, error: Exception) -> None:
        """Write an error into the log, once: it may come back every second."""
        if self._closed or repr(error) in self._said:
            return
        if len(self._said) >= _MOST_SAID:
            self._said.clear()
        self._said.add(repr(error))
        log.error("%s: %s", self._name, error, exc_info=error)

    def close(self, wait: bool) -> None:
        """Begin nothing more.

        Args:
            wait: for what has begun.
        """
        with self._lock:
            self._closed = True
        self._pool.shutdown(wait=wait, cancel_futures=not wait)
