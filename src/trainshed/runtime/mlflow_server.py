"""Program: answer MLflow's REST API for one run, on the loopback of its node.

The shim starts it at the first request. It inherits the listening socket as descriptor 3 and exits at the end of its
standard input, which the shim holds.

Source: MLflow's REST API, as its clients of version 3.17 call it (https://mlflow.org/docs/latest/rest-api.html).
"""

import hmac
import json
import os
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs, unquote, urlsplit

from trainshed.runtime import mlflow_files, mlflow_routes
from trainshed.runtime.mlflow_job import Job
from trainshed.runtime.mlflow_words import Refused
from trainshed.runtime.run import Run

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from io import BufferedIOBase
    from typing import Any

LISTENER = 3
"""Descriptor of the listening socket."""
_LONGEST_BODY = 64 << 20
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
_URI = b"mlflow-artifacts:/"
_OLD = "mlflow-python-client/1."
"""Clients that send no token with files: to them, the addresses of files have it in the path."""
_JSON = "application/json"


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True
    job: Job
    token: str

    def __init__(self, listener: socket.socket, handler: "Any") -> None:
        super().__init__(listener.getsockname(), handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener

    def handle_error(self, *_: "Any") -> None:
        """Say nothing: a client that went away is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer is one packet
    server: _Server

    def log_message(self, *_: "Any") -> None:
        """Say nothing."""

    def _answer(self) -> None:
        body: "bytes | mlflow_files.Stored"
        try:
            self._check_token()
            code, body, kind = self._found()
        except Refused as refused:
            code, body, kind = refused.status, json.dumps(refused.body()).encode(), _JSON
        except Exception as error:  # noqa: BLE001 - the boundary of a server: the client must be told
            # Not 500, at which MLflow tries again for minutes, while training waits.
            told = Refused("INTERNAL_ERROR", f"{type(error).__name__}: {error}")
            code, body, kind = told.status, json.dumps(told.body()).encode(), _JSON
        self._unread()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if isinstance(body, bytes) else body.size))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if isinstance(body, bytes):
            self.wfile.write(body)
        else:
            body.pour(self.wfile)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - names of the base class

    def _check_token(self) -> None:
        given = self.headers.get("Authorization", "").encode()
        first, _, rest = self.path[1:].partition("/")
        if rest.startswith(_ARTIFACTS[1:]):  # some old clients send the token besides, and some do not
            given, self.path = given or f"Bearer {first}".encode(), f"/{rest}"
        if not hmac.compare_digest(given, f"Bearer {self.server.token}".encode()):
            raise Refused("UNAUTHENTICATED", "The token in MLFLOW_TRACKING_TOKEN is missing or wrong.", 401)

    def _found(self) -> "tuple[int, bytes | mlflow_files.Stored, str]":
        """Return the answer: status, body, type."""
        parts = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = unquote(parts.path)
        if path.startswith(f"{_ARTIFACTS}/"):
            name = path[len(_ARTIFACTS) + 1 :]
            if self.command == "PUT":
                mlflow_files.keep(self.server.job, name, self._body())
                return 200, b"{}", _JSON
            if self.command == "GET":
                self._rest = None
                return 200, mlflow_files.find(self.server.job, name), "application/octet-stream"
        if path == _ARTIFACTS and self.command == "GET":
            return 200, json.dumps(mlflow_files.listing(self.server.job, query.get("path", ""))).encode(), _JSON
        return 200, self._called(path, query), _JSON

    def _called(self, path: str, query: "dict[str, str]") -> bytes:
        given: "dict[str, Any]" = dict(query)
        if self.command != "GET":
            text = self._body().read().replace(self._files(), _URI)
            try:
                told = json.loads(text.decode() or "{}")
            except ValueError as error:
                raise Refused("INVALID_PARAMETER_VALUE", f"The request is not JSON: {error}.") from error
            if not isinstance(told, dict):
                raise Refused("INVALID_PARAMETER_VALUE", "The request is not a JSON object.")
            given.update(told)
        answer = mlflow_routes.call(self.server.job, self.command, path, given)
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode().replace(_URI, self._files())

    def _files(self) -> bytes:
        """Return how the address of a file begins for this client."""
        if not self.headers.get("User-Agent", "").startswith(_OLD):
            return _URI
        host, port = self.server.socket.getsockname()[:2]
        return f"http://{host}:{port}/{self.server.token}{_ARTIFACTS}/".encode()

    def _body(self) -> "Body":
        text = self.headers.get("Content-Length", "0")
        size = int(text) if text.isdigit() else 0
        if size > _LONGEST_BODY and not self.path.startswith(_ARTIFACTS):
            self.close_connection = True
            raise Refused("INVALID_PARAMETER_VALUE", f"The request has more than {_LONGEST_BODY >> 20} MB.", 413)
        self._rest = Body(self.rfile, size, self.headers.get("Transfer-Encoding", "") == "chunked")
        return self._rest

    _rest: "Body | None" = None

    def _unread(self) -> None:
        """A request that was refused before its body was read ends its connection: the next one would begin in it."""
        unread = int(self.headers.get("Content-Length") or 0) if self._rest is None else self._rest.left
        self._rest = None
        if unread:
            self.close_connection = True


class Body:
    """The body of a request.

    Args:
        stream: what it is read from.
        size: its length in bytes, if it is not chunked.
        chunked: whether it comes in chunks.

    Attributes:
        left: bytes that were not read.
    """

    def __init__(self, stream: "BufferedIOBase", size: int, chunked: bool) -> None:
        self._stream, self._chunked = stream, chunked
        self.left = 0 if chunked else size
        self._over = False

    def read(self, most: int = -1) -> bytes:
        """Return some bytes, at most ``most`` of them; all if that is negative; none at the end."""
        if most < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._chunked and not self.left and not self._over:
            self.left = int(self._stream.readline(64).split(b";")[0], 16)
            if not self.left:
                self._over = True
                self._stream.readline(64)
        piece = self._stream.read(min(most, self.left))
        self.left -= len(piece)
        if self._chunked and piece and not self.left:
            self._stream.readline(64)
        if not piece and self.left:
            self.left = 0
            raise Refused("INVALID_PARAMETER_VALUE", "The request ended before its body did.")
        return piece


def main() -> None:
    """Serve until the shim's end of the standard input is closed."""
    run = Run.get_context(allow_offline=False)
    assert isinstance(run, Run)
    with socket.socket(fileno=LISTENER) as listener:
        server = _Server(listener, _Handler)
        server.job, server.token = Job(run), os.environ.pop("MLFLOW_TRACKING_TOKEN")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.buffer.read()
    os._exit(0)  # what has been answered is written


if __name__ == "__main__":
    main()
