"""A web server of files: tells ETags, sends parts, and can cut connections off, refuse and change."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WebServer(ThreadingHTTPServer):
    """Serves what is in ``files`` on a free port of this machine.

    Attributes:
        files: path → content.
        statuses: answers that are given first, instead of the files.
        cut: bytes after which the next answers are cut off, one each.
        requests: what was asked for: (path, header ``Range``, status of the answer).
        etags: whether it tells which version of a file it sends.
        packed: whether it sends files packed by gzip.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.statuses: list[int] = []
        self.cut: list[int] = []
        self.requests: list[tuple[str, str | None, int]] = []
        self.etags = True
        self.packed = False

    def url(self, path: str) -> str:
        """Return the address of a file."""
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has enough."""


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        content = self.server.files.get(path)
        if self.server.statuses:
            self._answer(self.server.statuses.pop(0), b"")
        elif content is None:
            self._answer(404, b"")
        else:
            self._send(gzip.compress(content, mtime=0) if self.server.packed else content)

    def _send(self, content: bytes) -> None:
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"ETag": etag} if self.server.etags else {}
        if self.server.packed:
            headers["Content-Encoding"] = "gzip"
        wanted = self.headers.get("Range")
        if self.headers.get("If-None-Match") == etag:
            self._answer(304, b"", headers)
        elif wanted and self.headers.get("If-Range") in (None, etag):
            start = int(wanted[len("bytes=") :].partition("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._answer(206, content[start:], headers)
        else:
            self._answer(200, content, headers)

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.server.requests.append((self.path, self.headers.get("Range"), status))
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if content and self.server.cut:
            self.wfile.write(content[: self.server.cut.pop(0)])
            self.close_connection = True
        else:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@contextlib.contextmanager
def web_server() -> Iterator[WebServer]:
    """Start a server, and stop it afterwards."""
    with WebServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
