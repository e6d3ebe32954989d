"""Sends what a program logs to a service that shares no folder with it.

It is appended to the program's own files, in microseconds and by any of its threads and forked children; a background
thread sends new data. The service counts the bytes of each file, so nothing is stored twice if a response is lost, and
nothing is lost if the service is unavailable for a while.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
import time
from typing import Any

from trainshed.client.http import Connection
from trainshed.errors import ServiceException, TrainshedError
from trainshed.runtime.journal import LONGEST_EVENT

JOURNAL = "journal"
LOG = "log"
_PIECE = 1 << 20
_PAUSE = 0.2
"""Seconds between two requests, so that data is sent in batches."""
_PATIENCE = 30.0
"""Seconds for which a call that must send everything waits for an unavailable service."""


class _Stream:
    """One file, and how much of it has been sent.

    Args:
        path: the file.
        query: sent with each piece.
        base: the service's offset of the file's first byte; None if not known yet.
    """

    def __init__(self, path: str, query: dict[str, Any], base: int | None) -> None:
        self.path = path
        self.query = query
        self.base = base
        self.sent = 0


class Outbox:
    """Files of one run that are being sent to the service.

    Args:
        connection: to the service.
        path: the run's path in the API.
        after_end: have events stored even if the run has ended.
    """

    def __init__(self, connection: Connection, path: str, after_end: bool = False) -> None:
        self._connection = connection
        self._path = path
        self._folder = tempfile.mkdtemp(prefix="trainshed-run-")
        self._owner = os.getpid()
        names = {JOURNAL: "journal.jsonl", LOG: "user_log.txt"}
        self._streams = {what: _Stream(os.path.join(self._folder, name), {}, None) for what, name in names.items()}
        query = {"writer": os.urandom(8).hex(), **({"after_end": 1} if after_end else {})}
        self._streams[JOURNAL] = _Stream(self.file(JOURNAL), query, 0)
        self._begin()
        if hasattr(os, "register_at_fork"):  # not in Python 3.6
            os.register_at_fork(after_in_child=self._begin)
        atexit.register(self._leave)

    def _begin(self) -> None:
        """Create locks and a thread for this process: a forked child has none of its parent's threads."""
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._thread: threading.Thread | None = None

    def file(self, what: str) -> str:
        """Return the file to append to.

        Args:
            what: :data:`JOURNAL` or :data:`LOG`.
        """
        return self._streams[what].path

    def wake(self) -> None:
        """Signal that data was appended; it is sent shortly."""
        if not self._news.is_set():
            self._news.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="trainshed outbox", daemon=True)
                self._thread.start()

    def flush(self) -> None:
        """Wait until the service has everything that was appended.

        Raises:
            ServiceException: it cannot be reached; the data is kept and sent later.
            TrainshedError: the service rejects the data.
        """
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._send()
            except ServiceException:
                if time.monotonic() > end:
                    raise
                time.sleep(_PAUSE)  # there is no event for the return of the service

    def _work(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            try:
                self._send()
            except ServiceException:
                self._news.set()
            except TrainshedError:
                return  # rejected; flush() reports why
            time.sleep(_PAUSE)

    def _send(self) -> None:
        with self._lock:
            for what, stream in self._streams.items():
                self._send_stream(what, stream)

    def _send_stream(self, what: str, stream: _Stream) -> None:
        try:
            size = os.stat(stream.path).st_size
        except FileNotFoundError:
            return
        if stream.base is None:
            stream.base = self._post(what, stream, b"")
        while stream.sent < size:
            with open(stream.path, "rb") as file:
                file.seek(stream.sent)
                piece = file.read(_PIECE)
                if what == JOURNAL and b"\n" not in piece:
                    piece += file.readline(LONGEST_EVENT)  # only whole lines are accepted
            taken = self._post(what, stream, piece) - stream.base
            if taken <= stream.sent:
                return  # the last line is still being written
            stream.sent = taken

    def _post(self, what: str, stream: _Stream, piece: bytes) -> int:
        offset = None if stream.base is None else stream.base + stream.sent
        query = {**stream.query, "offset": offset}
        return int(self._connection.upload("POST", f"{self._path}/{what}", piece, query=query)["offset"])

    def close(self) -> None:
        """Remove the files, unless this is a forked child: they belong to its parent."""
        if os.getpid() == self._owner:
            shutil.rmtree(self._folder, ignore_errors=True)
            atexit.unregister(self._leave)

    def _leave(self) -> None:
        """Send the remaining data when the program exits."""
        try:
            self._send()
        except TrainshedError as error:
            # No caller is left to receive an exception, so print it.
            os.write(2, f"Not all logged data has reached the service: {error}\n".encode())
        self.close()
