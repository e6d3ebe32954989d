"""The connections of a web service's process: read, queued for the script, answered, kept, and closed in time.

One thread does it all, and runs the script: no request waits for another thread. Only while the script takes long over
one request does a second thread stand in at the connections, so that health checks are answered, and callers accepted.
A connection between two requests costs some memory, no thread; when there are too many, the one that has been silent
for the longest is closed.
"""

import os
import selectors
import socket
import sys
import threading
import time
from collections import OrderedDict, deque

from trainshed.runtime.scoring_http import UNKNOWN, Refused, compose, parse

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Callable, Deque, Dict, Optional, Tuple

    from trainshed.runtime.scoring_http import Answer, Request
    from trainshed.runtime.scoring_neighbours import Neighbours

_READING, _BUSY, _WRITING, _LEAVING = range(4)
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_PIECE = 1 << 18
_SMALL_BODY = 1 << 20
_LONGEST_HEAD = 1 << 16
_AHEAD = 1 << 16
"""Bytes that are read of the next requests while one is answered."""
_IDLE_SECONDS = 60.0
_DRAIN_SECONDS = 10.0
_LEAVE_SECONDS = 2.0
_LONG_CALL = 0.1
_HANG_SECONDS = 10.0
_LEFT_SECONDS = 0.002
_JSON = (("Content-Type", "application/json"),)


class Connection:
    """One connection.

    Args:
        sock: its socket.
    """

    __slots__ = ("data", "ended", "out", "request", "sock", "state")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.data = bytearray()
        self.request: "Optional[Request]" = None
        self.out: "Any" = b""
        self.state = _READING
        self.ended = False


class Connections:
    """All connections of this process.

    Args:
        listener: the listening socket, which other processes may have, too.
        judge: returns what is answered without the script, or None.
        score: has the script answer.
        most: connections that may be open.
        longest: seconds after which a call of the script should have been given up; 0: it may take any time.
        neighbours: the other processes with the listening socket.
    """

    def __init__(
        self,
        listener: socket.socket,
        judge: "Callable[[Request], Optional[Answer]]",
        score: "Callable[[Request], Answer]",
        most: int,
        longest: float = 0.0,
        neighbours: "Optional[Neighbours]" = None,
    ) -> None:
        self._neighbours = neighbours
        self._judge, self._score, self._most, self._longest = judge, score, most, longest
        self._listener = listener
        self._listening = self._draining = False
        self._not_before = 0.0
        self._open: "Dict[Connection, None]" = {}
        self._waiting: "OrderedDict[Connection, float]" = OrderedDict()
        self._leaving: "OrderedDict[Connection, float]" = OrderedDict()
        self._jobs: "Deque[Tuple[Connection, Request]]" = deque()
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._watched = self._running = self._back = False
        self._calls = 0
        self._began = threading.Event()
        self._poked, self._pokes = socket.socketpair()
        self._poked.setblocking(False)
        self._selector.register(self._poked, _READ, self._drain_pokes)
        self._listen()

    def obey(self, orders: int) -> None:
        """Stop accepting, answer what is there, and end, as soon as something can be read from a descriptor."""

        def read(_: "Any") -> None:
            self._selector.unregister(orders)
            if os.read(orders, 1):
                self.drain()

        self._selector.register(orders, _READ, read)

    def drain(self) -> None:
        """Accept nothing more; close each connection after its next answer."""
        self._draining = True
        if self._listening:
            self._selector.unregister(self._listener)
            self._listening = False
        self._listener.close()

    def serve(self) -> None:
        """Answer requests until all is drained."""
        threading.Thread(target=self._watch, name="stand-in", daemon=True).start()
        while self._open or not self._draining:
            with self._lock:
                self._turn(0.0 if self._jobs else None)
            while self._jobs:
                connection, request = self._jobs.popleft()
                self._calls += 1
                self._running = True
                if not self._watched:
                    self._watched = True
                    self._began.set()
                answer = self._score(request)
                self._running = False
                self._take_back()
                try:
                    if self._neighbours is not None and self._neighbours.rest():
                        self._turn(0.0)
                        request.keep = request.keep and not self._jobs  # what waits here could be answered there
                    self._answer(connection, request, answer)
                    self._go_on(connection)
                finally:
                    self._lock.release()

    # The two threads.

    def _take_back(self) -> None:
        """Take the lock, which the second thread may hold while it waits for connections."""
        if not self._lock.acquire(False):
            self._back = True
            self._pokes.send(b"x")
            self._lock.acquire()
            self._back = False

    def _drain_pokes(self, _: "Any") -> None:
        self._poked.recv(64)

    def _watch(self) -> None:
        """Look now and then, while there are requests, whether the script takes long over one, and stand in then."""
        while True:
            self._began.wait()
            self._began.clear()
            while self._watched:
                call = self._calls
                time.sleep(_LONG_CALL)
                if self._calls != call:
                    continue
                self._watched = self._running  # between two requests this thread sleeps until the next one
                if self._running:
                    self._stand_in(call)

    def _stand_in(self, call: int) -> None:
        until = time.monotonic() + self._longest + _HANG_SECONDS
        while not self._back:
            with self._lock:
                if self._calls != call or not self._running:
                    return
                self._turn(0.5)
            if self._longest and time.monotonic() > until:
                print("The scoring script does not end its call. Its process is ended.", file=sys.stderr, flush=True)  # noqa: T201 - the log
                os._exit(1)

    # One look at all connections.

    def _turn(self, longest: "Optional[float]") -> None:
        wait = self._expired(longest)
        if not self._listening and not self._draining and len(self._open) < self._most:
            self._listen()
        for key, mask in self._selected(wait):
            data = key.data
            if type(data) is not Connection:
                data(mask)
            elif mask & _WRITE:
                self._flush(data)
                self._go_on(data)
            else:
                self._read(data)

    def _selected(self, wait: "Optional[float]") -> "Any":
        if self._neighbours is None or self._running or self._draining or wait == 0.0:
            return self._selector.select(wait)
        self._neighbours.idle(len(self._open))
        found = self._selector.select(wait)
        self._neighbours.busy()
        return found

    def _expired(self, longest: "Optional[float]") -> "Optional[float]":
        """Close what has been silent for too long; return the seconds until the next one will have been."""
        now, wait = time.monotonic(), longest
        idle = _DRAIN_SECONDS if self._draining else _IDLE_SECONDS
        for held, seconds in ((self._waiting, idle), (self._leaving, _LEAVE_SECONDS)):
            while held:
                connection, since = next(iter(held.items()))
                left = since + seconds - now
                if left > 0:
                    wait = left if wait is None else min(wait, left)
                    break
                self._close(connection)
        if self._not_before > now:
            wait = min(self._not_before - now, 1.0 if wait is None else wait)
        return wait

    def _listen(self) -> None:
        if time.monotonic() >= self._not_before:
            self._selector.register(self._listener, _READ, self._accept)
            self._listening = True

    def _pause(self, seconds: float) -> None:
        self._selector.unregister(self._listener)
        self._listening = False
        self._not_before = time.monotonic() + seconds

    def _accept(self, _: "Any") -> None:
        others = self._neighbours
        for _ in range(0 if self._draining else 64 if others is None else 1):
            if others is not None and others.take_it(None if self._running else len(self._open)):
                self._pause(_LEFT_SECONDS)
                return
            if len(self._open) >= self._most and not self._make_room():
                self._pause(0.0)
                return
            try:
                sock, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor is free, e.g.
                if not self._make_room():
                    self._pause(1.0)
                return
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock)
            self._open[connection] = None
            self._waiting[connection] = time.monotonic()
            self._selector.register(sock, _READ, connection)

    def _make_room(self) -> bool:
        """Close the connection that has been silent between two requests for the longest; False if there is none."""
        for connection in self._waiting:
            if connection.state == _READING and connection.request is None and not connection.data:
                self._close(connection)
                return True
        return False

    # One connection.

    def _read(self, connection: Connection) -> None:
        try:
            piece = connection.sock.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            piece = b""
        if not piece:
            self._no_more(connection)
        elif connection.state != _LEAVING:
            connection.data += piece
            if connection.state == _READING:
                self._go_on(connection)
            elif len(connection.data) > _AHEAD:
                self._interest(connection, 0)

    def _no_more(self, connection: Connection) -> None:
        """The other side sends nothing more; it may still wait for its answer."""
        if connection.state in (_READING, _LEAVING):
            self._close(connection)
        else:
            connection.ended = True
            self._interest(connection, 0)

    def _interest(self, connection: Connection, events: int) -> None:
        known = connection.sock.fileno() in self._selector.get_map()
        if known and events:
            self._selector.modify(connection.sock, events, connection)
        elif known:
            self._selector.unregister(connection.sock)
        elif events:
            self._selector.register(connection.sock, events, connection)

    def _go_on(self, connection: Connection) -> None:
        """Take up the requests of which all is there."""
        try:
            while connection.state == _READING and connection.data and self._taken(connection):
                pass
        except Refused as refused:
            text = '{{"message": "{}"}}'.format(refused.message)
            self._waiting.pop(connection, None)
            self._send(connection, compose(None, (refused.status, text.encode(), _JSON), False), keep=False)

    def _taken(self, connection: Connection) -> bool:
        """Take up one request; False if a part of it is not there yet."""
        request, data = connection.request, connection.data
        if request is None:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                if len(data) > _LONGEST_HEAD:
                    raise Refused(431, "The head of the request has more than {} KB.".format(_LONGEST_HEAD >> 10))
                return False
            request = connection.request = parse(bytes(data[:end].lstrip(b"\r\n")))
            del data[: end + 4]
            request.answer = self._judge(request)
            if request.answer is not None and (request.length == UNKNOWN or request.length > _SMALL_BODY):
                request.keep = False  # what follows is not read
                return self._answered(connection, request)
            if len(data) < request.length and request.fields.get("expect", "").lower() == "100-continue":
                connection.sock.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if len(data) < request.length:
            self._waiting.pop(connection, None)
            self._waiting[connection] = time.monotonic()
            return False
        if request.length:
            request.body = bytes(data[: request.length])
            del data[: request.length]
        return self._answered(connection, request)

    def _answered(self, connection: Connection, request: "Request") -> bool:
        """Answer a request, or queue it for the script."""
        connection.request = None
        self._waiting.pop(connection, None)
        if request.answer is not None:
            self._answer(connection, request, request.answer)
            return True
        connection.state = _BUSY
        self._jobs.append((connection, request))
        return False

    def _answer(self, connection: Connection, request: "Request", answer: "Answer") -> None:
        keep = request.keep and not self._draining and not connection.ended
        self._send(connection, compose(request, answer, keep), keep)

    def _send(self, connection: Connection, data: bytes, keep: bool) -> None:
        connection.out, connection.ended = data, connection.ended or not keep
        connection.state = _WRITING
        self._flush(connection)

    def _flush(self, connection: Connection) -> None:
        try:
            sent = connection.sock.send(connection.out)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._close(connection)
            return
        whole = sent == len(connection.out)
        waited = connection.state == _WRITING and connection in self._waiting
        if not whole:
            connection.out = memoryview(connection.out)[sent:]
            self._waiting.pop(connection, None)
            self._waiting[connection] = time.monotonic()
            self._interest(connection, _WRITE)
            return
        connection.out = b""
        self._waiting.pop(connection, None)
        if connection.ended:
            self._leave(connection)
            return
        connection.state = _READING
        self._waiting[connection] = time.monotonic()
        if waited or len(connection.data) > _AHEAD:
            self._interest(connection, _READ)

    def _leave(self, connection: Connection) -> None:
        """Close a connection once the other side has: closed with something unread, it would lose its answer."""
        connection.state = _LEAVING
        connection.data.clear()
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)
            return
        self._leaving[connection] = time.monotonic()
        self._interest(connection, _READ)

    def _close(self, connection: Connection) -> None:
        self._waiting.pop(connection, None)
        self._leaving.pop(connection, None)
        if self._open.pop(connection, connection) is None:
            self._interest(connection, 0)
            connection.sock.close()
            connection.state = _LEAVING
            connection.data.clear()
