"""Listens for clients: on a Unix socket for this user's, and on a loopback port for pages, tunnels and other users."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import h11
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from trainshed.service.guard import KNOWN
from trainshed.service.limits import Connections, most_connections
from trainshed.system import confined
from trainshed.system.peers import LONGEST_PATH, uid_of

log = logging.getLogger("trainshed.service")
_SOCKET = "service.sock"
_PREFIX = "trainshed-service-"
_QUEUE = 1024
"""Connections that the system keeps until they are accepted."""
_AT_ONCE = 32
"""Connections that are accepted at once."""
_HEAD_SECONDS = 10.0
_IDLE_SECONDS = 60


class Listeners(NamedTuple):
    """The sockets of a service.

    Attributes:
        tcp: on a port of the loopback address.
        unix: on a Unix socket.
        path: of the Unix socket.
    """

    tcp: socket.socket
    unix: socket.socket
    path: str

    @property
    def port(self) -> int:
        """The port."""
        return int(self.tcp.getsockname()[1])


@contextlib.contextmanager
def listening(root: Path, port: int) -> Iterator[Listeners]:
    """Listen, and remove the Unix socket at the end. The workspace's lock must be held: what is there is stale.

    Args:
        root: the workspace folder.
        port: TCP port; 0 for any.
    """
    _remove_stale(root)
    with _on_port(port) as tcp, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as unix:
        path = _bind(unix, root)
        try:
            unix.listen(_QUEUE)
            yield Listeners(tcp, unix, path)
        finally:
            _remove(path)


def _on_port(port: int) -> socket.socket:
    # Named by its protocol, because otherwise asyncio leaves Nagle's algorithm on: 40 ms per response.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Connections of a service that has just exited do not block its port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        log.warning("port %d is taken (%s): clients that know only the address will not find this service", port, error)
        listener.bind(("127.0.0.1", 0))
    listener.listen(_QUEUE)
    return listener


def _bind(unix: socket.socket, root: Path) -> str:
    """Give the Unix socket a path: in the workspace folder, or if that cannot be, in a new folder of its own."""
    path = str(root / _SOCKET)
    try:
        if len(os.fsencode(path)) > LONGEST_PATH:
            raise OSError("the path is too long")
        unix.bind(path)
    except OSError as error:
        path = os.path.join(tempfile.mkdtemp(prefix=_PREFIX), _SOCKET)  # mode 0700
        log.info("no socket in %s (%s); it is %s", root, error, path)
        unix.bind(path)
    os.chmod(path, 0o600)
    return path


def _remove_stale(root: Path) -> None:
    """Remove the sockets of a service that was killed."""
    try:
        told = str(json.loads(confined.read_inside(root, "service.json", 0, 1 << 16))["socket"])
    except (ValueError, KeyError, TypeError, RecursionError):
        told = ""  # it may be anything; where its folder was, nobody knows
    for path in {str(root / _SOCKET), told}:
        with contextlib.suppress(OSError, ValueError):
            _remove(path)


def _remove(path: str) -> None:
    """Remove a Unix socket, and the folder that was made for it; nothing else, whatever the path says."""
    folder, name = os.path.split(path)
    if name != _SOCKET:
        return
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    if os.path.basename(folder).startswith(_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


class State(ServerState):
    """What the connections of a server share.

    Attributes:
        tcp: connections of anybody on this machine.
        unix: connections of this user's processes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tcp = Connections(most_connections(), refuse=True)
        self.unix = Connections(most_connections(), refuse=False)


class Connection(H11Protocol):
    """A connection of a client; at the Unix socket, of this user's processes only.

    A client has some seconds to send the head of a request. A request that is answered before its body has arrived ends
    the connection, so that nobody can send without end.
    """

    server_state: State
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or drop it."""
        super().connection_made(transport)
        socket_of = transport.get_extra_info("socket")
        local = socket_of.family == socket.AF_UNIX
        self._others = self.server_state.unix if local else self.server_state.tcp
        if local and not _same_user(socket_of):
            self.drop()
            return
        self._others.add(self)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._others.remove(self)
        self._forget_deadline()

    def data_received(self, data: bytes) -> None:
        """Take in what the client sent."""
        super().data_received(data)
        self._note()
        if not self._in_request:
            self._expect_head()

    def on_response_complete(self) -> None:
        """Wait for the next request, or hang up if the client is still sending this one."""
        if self.conn.their_state is h11.SEND_BODY:
            self.transport.close()
        super().on_response_complete()
        self._note()
        if not self._in_request and self.conn.trailing_data[0]:
            self._expect_head()  # it has begun the next request

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; if it is the body of a request that is being served, only hang up."""
        if self._in_request:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.drop()
        else:
            super().send_400_response(msg)

    def drop(self) -> None:
        """End the connection at once."""
        self._forget_deadline()
        self.transport.abort()

    @property
    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _note(self) -> None:
        if self.transport.is_closing():
            self._others.remove(self)
        elif self._in_request:
            self._forget_deadline()
            self._others.busy(self)
        else:
            self._others.idle(self, client=bool(self.scope and self.scope.get(KNOWN)))

    def _expect_head(self) -> None:
        if self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self.drop)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _same_user(connection: socket.socket) -> bool:
    try:
        return uid_of(connection) == os.getuid()
    except OSError:
        return False  # it is closed already


class Server(uvicorn.Server):
    """Serves an application at listening sockets until it is told to stop, by SIGTERM, by SIGINT, or by :meth:`stop`.

    Args:
        each_second: called about once per second.
    """

    def __init__(self, each_second: Callable[[], None]) -> None:
        async def notify() -> None:
            each_second()

        config = uvicorn.Config(
            _nothing,
            http=Connection,
            ws="none",
            lifespan="off",
            proxy_headers=False,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=_IDLE_SECONDS,
            callback_notify=notify,
            timeout_notify=1,
            backlog=_AT_ONCE,
            server_header=False,
        )
        super().__init__(config)
        self.server_state: State = State()
        self._leave: Callable[[], None] = lambda: None
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)

    def stop(self) -> None:
        """Stop serving, soon."""
        self.should_exit = True

    async def run_until_stopped(self, app: ASGIApp, listeners: Listeners, leave: Callable[[], None]) -> None:
        """Serve.

        Args:
            app: the application.
            listeners: where.
            leave: called when the service is about to stop, before it stops listening.
        """
        self.config.app, self._leave = app, leave
        await self.serve([listeners.tcp, listeners.unix])

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]
        """Leave the signals alone: after uvicorn's own handlers, a signal would end the process in the middle."""
        return contextlib.nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections.

        The loop accepts as many at once as it lets wait in the system's queue: few, so that each can be dropped before
        the next come. The queue itself is long.
        """
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(_QUEUE)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests that are being served."""
        self._leave()
        await super().shutdown(sockets)


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Stand where the application will be: the server exists first, because it handles signals."""
