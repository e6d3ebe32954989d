"""Listens for clients: on a Unix socket for this user's, and on a loopback port for pages, tunnels and other users."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from trainshed.system import files
from trainshed.system.peers import LONGEST_PATH, uid_of

log = logging.getLogger("trainshed.service")
_SOCKET = "service.sock"
_PREFIX = "trainshed-service-"
_QUEUE = 1024
"""Connections that the system keeps until they are accepted."""


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
    told = files.read_json(str(root / "service.json")).get("socket")
    for path in {str(root / _SOCKET), told if isinstance(told, str) else ""}:
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


class Protocol(H11Protocol):
    """Connections of clients; at the Unix socket, of this user's processes only."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or drop it."""
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        if connection.family == socket.AF_UNIX and uid_of(connection) != os.getuid():
            transport.abort()


class Server(uvicorn.Server):
    """Serves an application at listening sockets.

    Args:
        app: the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=1,
                server_header=False,
            )
        )

    def stop(self) -> None:
        """Stop serving, soon."""
        self.should_exit = True
