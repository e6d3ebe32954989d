"""What the servers that run beside a script have in common: a socket that they inherit, and a thread a connection."""

import socket
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any


class LoopbackServer(ThreadingMixIn, HTTPServer):
    """A server on a socket that already listens.

    Args:
        listener: the socket.
        handler: answers one connection.
    """

    daemon_threads = True

    def __init__(self, listener: socket.socket, handler: "Any") -> None:
        super().__init__(listener.getsockname(), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def handle_error(self, *_: "Any") -> None:
        """Say nothing: a client that went away is no error."""


class LoopbackHandler(BaseHTTPRequestHandler):
    """One connection, which is kept for further requests."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet

    def log_message(self, *_: "Any") -> None:
        """Say nothing."""
