"""Program: answer the requests to a web service with the functions of its scoring script.

:mod:`trainshed.runtime.scoring` starts it. Its arguments: descriptors of the listening socket, and of the pipe to which
it writes once it answers; path of the script; ids of the models.

Routes, headers and statuses are meant to be those of Microsoft's public scoring server
(https://github.com/microsoft/azureml-inference-server, MIT), whose own tests have not been run against this one yet.
"""

import hmac
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
import uuid
from urllib.parse import urlsplit

from trainshed.runtime import scoring_counts
from trainshed.runtime.loopback import LoopbackHandler, LoopbackServer
from trainshed.runtime.scoring_response import AMLResponse
from trainshed.runtime.scoring_script import BadInput, Script, lay_models, lay_source

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple

    Answer = Tuple[int, bytes, Dict[str, str]]

ACCESS = "TRAINSHED_SERVICE_ACCESS"
"""Environment variable: ``{"name", "auth", "address", "keys", "folder"}`` as JSON."""
LONGEST_BODY = 100 << 20
_UNKNOWN = LONGEST_BODY + 1
_SMALL_BODY = 1 << 20
_CONNECTIONS = 256
_IDLE_SECONDS = 60
_JSON = {"Content-Type": "application/json"}
_TEXT = {"Content-Type": "text/html; charset=utf-8"}
_METHODS = {"/": ("GET", "HEAD"), "/score": ("GET", "POST", "OPTIONS"), "/swagger.json": ("GET", "HEAD")}
_METHODS[scoring_counts.PATH] = ("GET",)
_HERE = ("127.0.0.1", "localhost", "::1")


class Refused(Exception):
    """A request that is not answered.

    Args:
        status: HTTP status.
        message: for the caller.
        headers: more headers.
    """

    def __init__(self, status: int, message: str, headers: "Optional[Dict[str, str]]" = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}


class Server(LoopbackServer):
    """The server of one scoring script.

    Args:
        listener: the listening socket.
        script: the script.
        access: who may call it: the content of :data:`ACCESS`.
    """

    def __init__(self, listener: socket.socket, script: Script, access: "Dict[str, Any]") -> None:
        super().__init__(listener, Handler)
        self.script = script
        self.access = access
        self.counts = scoring_counts.Counts(
            os.path.join(os.environ.get("TRAINSHED_RUN_DIR") or os.getcwd(), scoring_counts.FOLDER)
        )
        self.one = threading.Lock()
        """Held by the request that the script answers: scripts of v1 expect one at a time."""
        self._room = threading.BoundedSemaphore(_CONNECTIONS)

    def process_request(self, request: "Any", client_address: "Any") -> None:
        """Answer a connection in a thread of its own, when there are not too many."""
        self._room.acquire()
        super().process_request(request, client_address)

    def shutdown_request(self, request: "Any") -> None:
        """Close a connection."""
        super().shutdown_request(request)
        self._room.release()


class Handler(LoopbackHandler):
    """One connection."""

    timeout = _IDLE_SECONDS
    server: Server

    def _answer(self) -> None:
        self._left, self._more = 0, {"x-ms-run-function-failed": "False"}
        try:
            status, body, headers = self._found()
        except Refused as refused:
            status, body = refused.status, json.dumps({"message": refused.message}).encode()
            headers = dict(_JSON, **refused.headers)
        if 0 < self._left <= _SMALL_BODY:
            # Closed with something unread, the connection would be reset, perhaps before the caller has the answer.
            self._left -= len(self.rfile.read(self._left))
        self._more["x-request-id"] = str(uuid.uuid4())
        client_id = self.headers.get("x-ms-client-request-id")
        if client_id and len(client_id) <= 100 and client_id.isprintable():
            self._more["x-ms-client-request-id"] = client_id
        self.send_response(status)
        for name, value in list(headers.items()) + list(self._more.items()):
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self._left:
            self.close_connection = True  # the next request would begin in the rest of this one's body
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_OPTIONS = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 - the base's names

    def _found(self) -> "Answer":
        """Return the answer: status, body, headers."""
        text = self.headers.get("Content-Length", "0")
        self._left = int(text) if text.isdigit() else _UNKNOWN
        if self.headers.get("Transfer-Encoding") or not text.isdigit():
            self._left = _UNKNOWN
            raise Refused(411, "The request has no Content-Length.")
        self._check_caller()
        path, known = self._path()
        if path not in _METHODS:
            raise Refused(404, "There is nothing at {}. Requests go to /score.".format(path[:200]))
        wants_key = self.server.access["auth"] or path == scoring_counts.PATH
        if path != "/" and wants_key and not known:
            self._check_key()
        allowed = ", ".join(_METHODS[path])
        if self.command not in _METHODS[path]:
            raise Refused(405, "{} is not allowed for {}.".format(self.command, path), {"Allow": allowed})
        if path == "/":
            return 200, b"Healthy", _TEXT
        if path == scoring_counts.PATH:
            return 200, json.dumps(self.server.counts.told()).encode(), _JSON
        if path == "/swagger.json":
            return 200, json.dumps(swagger(self.server.access["name"], self.server.script)).encode(), _JSON
        if self.command == "OPTIONS" and not self.server.script.raw:
            return 200, b"", dict(_TEXT, Allow=allowed)
        if self._left > LONGEST_BODY:
            raise Refused(413, "The request has more than {} MB.".format(LONGEST_BODY >> 20))
        return self._score()

    def _check_caller(self) -> None:
        """Refuse what a web page in the user's browser may send to this machine."""
        host = urlsplit("//" + self.headers.get("Host", "localhost")).hostname
        origin = self.headers.get("Origin")
        if host not in _HERE or (origin and urlsplit(origin).hostname not in _HERE):
            raise Refused(403, "This web service only answers programs on this machine.")

    def _path(self) -> "Tuple[str, bool]":
        """Return the path, and whether the caller knows the service's address, which has a key in it."""
        path = urlsplit(self.path).path
        first, slash, rest = path[1:].partition("/")
        known = bool(slash) and _same(first, self.server.access["address"])
        return ("/" + rest, True) if known else (path, False)

    def _check_key(self) -> None:
        given = self.headers.get("Authorization", "")
        scheme, _, key = given.partition(" ")
        fits = [_same(key.strip(), each) for each in self.server.access["keys"]]
        if scheme.lower() != "bearer" or not any(fits):
            raise Refused(
                401,
                "The key is {}. Send the header 'Authorization: Bearer KEY' with a key from service.get_keys(), or "
                "send the request to service.scoring_uri.".format("wrong" if given else "missing"),
                {"WWW-Authenticate": "Bearer"},
            )

    def _score(self) -> "Answer":
        body = self.rfile.read(self._left)
        whole, self._left = len(body) == self._left, 0
        if not whole:
            self.close_connection = True
            raise Refused(400, "The request ended before its body did.")
        target = urlsplit(self.path)
        began = time.perf_counter()
        try:
            with self.server.one:
                began = time.perf_counter()
                made = self.server.script.run(
                    self.command, "/score" + ("?" + target.query if target.query else ""), self.headers, body
                )
            answer = _response(made)
        except BadInput as error:
            raise Refused(400, str(error)) from error
        except Exception as error:
            traceback.print_exc()
            self._more["x-ms-run-function-failed"] = "True"
            raise Refused(
                500, "An unexpected error occurred in the scoring script. Check the logs for more info."
            ) from error
        finally:
            took = time.perf_counter() - began
            self.server.counts.add(took, self._more["x-ms-run-function-failed"] == "True")
            self._more["x-ms-run-fn-exec-ms"] = "{:.3f}".format(1000 * took)
        return answer


def _response(made: "Any") -> "Answer":
    """Return the answer for what ``run`` returned."""
    if isinstance(made, AMLResponse):
        return made.status_code, made.get_data(), dict(made.headers)
    return 200, json.dumps(made).encode(), _JSON


def _same(given: str, kept: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), kept.encode())


def swagger(name: str, script: Script) -> "Dict[str, Any]":
    """Return the description of a service in OpenAPI 2.0.

    Args:
        name: name of the service.
        script: its script.
    """
    schemas = script.schemas or {"input": {"type": "object"}, "output": {"type": "object"}}
    body = {"name": "serviceInputPayload", "in": "body", "schema": {"$ref": "#/definitions/ServiceInput"}}
    post = {
        "operationId": "RunMLService",
        "description": "Run web service's model and get the prediction output",
        "security": [{"Bearer": []}],
        "parameters": [body],
        "responses": {"200": {"description": "The result", "schema": {"$ref": "#/definitions/ServiceOutput"}}},
    }
    health = {
        "operationId": "ServiceHealthCheck",
        "description": "Simple health check endpoint to ensure the service is up at any given point.",
        "responses": {"200": {"description": "If service is up and running", "schema": {"type": "string"}}},
    }
    return {
        "swagger": "2.0",
        "info": {"title": name, "description": "API specification for the service {}".format(name), "version": "1.0"},
        "schemes": ["http"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {"Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}},
        "paths": {"/": {"get": health}, "/score": {"post": post}},
        "definitions": {"ServiceInput": schemas["input"], "ServiceOutput": schemas["output"]},
    }


def main() -> None:
    """Load the script, call its ``init``, and answer requests until the process is ended."""
    listener, ready, path, models = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    access = json.loads(os.environ.pop(ACCESS))
    lay_models(models, os.getcwd())
    lay_source(access.get("folder", ""))
    script = Script(path)
    script.init()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # what packages of the script may have changed
    server = Server(socket.socket(fileno=listener), script, access)
    os.write(ready, b"1")
    os.close(ready)
    server.serve_forever()


if __name__ == "__main__":
    main()
