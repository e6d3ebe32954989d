"""Reports the end of processes, including those that are not children of this one, as events without polling."""

from __future__ import annotations

import os
import select
import threading
from typing import Any, Callable, Dict

from trainshed.system import process

_SYS_PIDFD_OPEN = 434


class ExitWatcher:
    """A thread that calls back once for each watched process that ends.

    It uses pidfd on Linux, and kqueue on the BSDs and macOS.

    Args:
        on_exit: called in the watcher's thread with the token that was passed to :meth:`watch`.

    Example:
        >>> import subprocess, threading
        >>> ended = threading.Event()
        >>> watcher = ExitWatcher(lambda token: ended.set())
        >>> child = subprocess.Popen(["true"])
        >>> watcher.watch({"pid": child.pid}, "run-1")
        >>> ended.wait(10)
        True
        >>> watcher.close(), child.wait()
        (None, 0)
    """

    def __init__(self, on_exit: Callable[[str], None]) -> None:
        self._on_exit = on_exit
        self._waker, self._wake = os.pipe()
        self._closing = False
        self._waiter: Any = _PidfdWaiter() if hasattr(select, "epoll") else _KqueueWaiter()
        self._waiter.listen(self._waker)
        self._thread = threading.Thread(target=self._loop, name="exits", daemon=True)
        self._thread.start()

    def watch(self, who: Dict[str, Any], token: str) -> None:
        """Call back with ``token`` when the process ends; at once if it has ended.

        Args:
            who: at least ``{"pid": int}``; with ``start`` and ``boot``, another process with a reused pid is not
                watched.
            token: passed to the callback.
        """
        gone = not self._waiter.add(int(who["pid"]), token)
        # Checking the identity after the registration closes the gap in which the pid could have been reused.
        if gone or ("start" in who and not process.alive(who) and self._waiter.drop(token)):
            self._on_exit(token)

    def close(self) -> None:
        """Stop the thread; the remaining processes are no longer watched."""
        self._closing = True
        os.write(self._wake, b"x")
        self._thread.join()
        self._waiter.close()
        os.close(self._waker)
        os.close(self._wake)

    def _loop(self) -> None:
        while not self._closing:
            for token in self._waiter.wait():
                self._on_exit(token)


def _pidfd(pid: int) -> int:
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid)
    import ctypes  # Python 3.8, or one built with kernel headers older than this call

    fd: int = ctypes.CDLL(None, use_errno=True).syscall(_SYS_PIDFD_OPEN, pid, 0)
    if fd < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return fd


class _PidfdWaiter:
    def __init__(self) -> None:
        self._poll = select.epoll()
        self._tokens: Dict[int, str] = {}
        self._lock = threading.Lock()

    def listen(self, fd: int) -> None:
        self._poll.register(fd, select.EPOLLIN)

    def add(self, pid: int, token: str) -> bool:
        try:
            fd = _pidfd(pid)
        except ProcessLookupError:
            return False
        with self._lock:
            self._tokens[fd] = token
            self._poll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)
        return True

    def drop(self, token: str) -> bool:
        with self._lock:
            dropped = [fd for fd, known in self._tokens.items() if known == token]
            for fd in dropped:
                del self._tokens[fd]
                os.close(fd)
            return bool(dropped)

    def wait(self) -> list[str]:
        ended = []
        for fd, _ in self._poll.poll():
            with self._lock:
                token = self._tokens.pop(fd, None)
                if token is not None:
                    os.close(fd)
                    ended.append(token)
        return ended

    def close(self) -> None:
        self._poll.close()
        for fd in self._tokens:
            os.close(fd)


class _KqueueWaiter:
    def __init__(self) -> None:
        self._queue = select.kqueue()  # type: ignore[attr-defined,unused-ignore]
        self._tokens: Dict[int, str] = {}

    def listen(self, fd: int) -> None:
        self._queue.control([self._event(fd, select.KQ_FILTER_READ, 0)], 0)  # type: ignore[attr-defined,unused-ignore]

    def add(self, pid: int, token: str) -> bool:
        self._tokens[pid] = token
        exits = select.KQ_FILTER_PROC, select.KQ_NOTE_EXIT  # type: ignore[attr-defined,unused-ignore]
        try:
            self._queue.control([self._event(pid, *exits)], 0)
        except ProcessLookupError:
            del self._tokens[pid]
            return False
        return True

    def drop(self, token: str) -> bool:
        return any(self._tokens.pop(pid, None) for pid, known in list(self._tokens.items()) if known == token)

    def wait(self) -> list[str]:
        events = self._queue.control(None, 16, None)
        return [token for event in events for token in [self._tokens.pop(event.ident, None)] if token is not None]

    def close(self) -> None:
        self._queue.close()

    @staticmethod
    def _event(ident: int, kind: int, notes: int) -> Any:
        flags = select.KQ_EV_ADD  # type: ignore[attr-defined,unused-ignore]
        return select.kevent(ident, kind, flags, notes)  # type: ignore[attr-defined,unused-ignore]
