"""One keep-alive HTTP/1.1 connection on a plain socket.

``http.client`` would import the e-mail parser and TLS (23 ms), and :mod:`socket` builds enumerations of all its numbers
(6 ms). This takes 1 ms, and most of the time of a submit is spent on imports.
"""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING
from trainshed.system.peers import uid_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any
else:
    try:
        import _socket as socket  # the same functions, and plain numbers
    except ImportError:  # another Python than CPython
        import socket

_CONNECT_SECONDS = 10.0
_MAX_LINE = 1 << 16
_MAX_HEADERS = 200
_PIECE = 1 << 18


class Response:
    """A response of the service, with the body still unread.

    Attributes:
        status: HTTP status.
        headers: by lower-case name.
    """

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers


class Wire:
    """One connection; it carries one request at a time.

    Args:
        host: name or address.
        port: TCP port.
        path: path of a Unix socket, instead of both.
        own: whether a process of this user must listen at the Unix socket.

    Raises:
        OSError: the connection is refused, or somebody else listens there.
    """

    def __init__(self, host: str, port: int, path: str | None = None, own: bool = False) -> None:
        self._read = b""
        if path is None:
            self._socket = _connected(host, port)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self._socket = _opened(socket.AF_UNIX, path)
            if own and uid_of(self._socket) != os.getuid():
                self._socket.close()
                raise PermissionError(f"the program that listens at {path} is another user's")
        # A stream may be silent for hours; keep-alive lets the kernel detect a lost peer.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._whole = True

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __del__(self) -> None:
        # Close an unused socket without a ResourceWarning: leaving it open is not the user's mistake.
        if hasattr(self, "_socket"):
            self.close()

    @property
    def reusable(self) -> bool:
        """Tell whether the last request ended cleanly and the other side keeps the connection open."""
        if not self._whole or self._read:
            return False
        try:
            self._socket.settimeout(0)
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False  # unexpected bytes, or the other side has closed the connection

    def exchange(self, head: bytes, body: Callable[[], Iterable[bytes]] | None, seconds: float | None) -> Response:
        """Send a request and read the head of its response.

        Args:
            head: request line and headers, with the empty line at the end.
            body: yields the pieces of the body.
            seconds: timeout for silence; None for none.

        Raises:
            OSError: the connection broke or timed out.
        """
        self._whole = False
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(head)
            for piece in body() if body else ():
                self._socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            # The service may reject the request and close before it has read the body; its response may be there.
            response = self._head()
            response.headers["connection"] = "close"
            return response
        return self._head()

    def _line(self) -> bytes:
        while b"\n" not in self._read and len(self._read) < _MAX_LINE:
            self._read += self._received()
        line, end, self._read = self._read.partition(b"\n")
        if not end:
            raise ConnectionResetError("what answered does not speak HTTP")
        return line.rstrip(b"\r")

    def _received(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        if not piece:
            raise ConnectionResetError("the connection closed in the middle of a response")
        return piece

    def _head(self) -> Response:
        while True:
            version, _, rest = self._line().partition(b" ")
            if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
                raise ConnectionResetError("the server does not speak HTTP")
            headers = {}
            for _ in range(_MAX_HEADERS):
                line = self._line()
                if not line:
                    break
                name, _, value = line.partition(b":")
                headers[name.strip().lower().decode("latin-1")] = value.strip().decode("latin-1")
            if not rest.startswith(b"1"):
                return Response(int(rest[:3]), headers)

    def body(self, response: Response) -> Iterator[bytes]:
        """Yield the body as it arrives.

        Args:
            response: from :meth:`exchange`.

        Raises:
            OSError: the connection broke before the end of the body.
        """
        if response.headers.get("transfer-encoding", "").lower() == "chunked":
            size = self._chunk_size()
            while size:
                yield from self._exactly(size)
                self._line()
                size = self._chunk_size()
            while self._line():
                pass
        elif "content-length" in response.headers:
            yield from self._exactly(int(response.headers["content-length"]))
        elif response.status not in (204, 304):
            raise ConnectionResetError("the response has no length")
        self._whole = response.headers.get("connection", "").lower() != "close"

    def _chunk_size(self) -> int:
        return int(self._line().split(b";")[0], 16)

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._read or self._received()
            piece, self._read = piece[:size], piece[size:]
            size -= len(piece)
            yield piece


def _connected(host: str, port: int) -> socket.socket:
    problem: OSError | None = None
    # As bytes: a str would be put through the codec of international names, another import.
    for family, _, _, _, address in socket.getaddrinfo(host.encode(), port, 0, socket.SOCK_STREAM):
        try:
            return _opened(family, address)
        except OSError as error:
            problem = error
    raise problem or OSError(f"{host} has no address")


def _opened(family: int, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.settimeout(_CONNECT_SECONDS)
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made
