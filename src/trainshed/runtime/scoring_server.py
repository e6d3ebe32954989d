"""Program: answer the requests to a web service with the functions of its scoring script.

:mod:`trainshed.runtime.scoring` starts it. Its arguments: descriptors of the listening socket, of the pipe to which it
writes once it answers, and of the pipe from which it is told to stop; path of the script; ids of the models.

Routes, headers and statuses are those of Microsoft's public scoring server
(https://github.com/microsoft/azureml-inference-server, MIT), whose own tests of its routes are run against this one by
tools/reference_routes.py.
"""

import hmac
import json
import os
import resource
import signal
import socket
import sys
import time
import traceback
import uuid
from urllib.parse import urlsplit

from trainshed.runtime import scoring_counts
from trainshed.runtime.scoring_connections import Connections
from trainshed.runtime.scoring_http import UNKNOWN, Refused
from trainshed.runtime.scoring_neighbours import neighbours
from trainshed.runtime.scoring_response import AMLResponse
from trainshed.runtime.scoring_script import BadInput, Script, UnknownKind, lay_models, lay_source, load

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple

    from trainshed.runtime.scoring_http import Answer, Pairs, Request

ACCESS = "TRAINSHED_SERVICE_ACCESS"
"""Environment variable: ``{"name", "auth", "address", "keys", "folder", "cors", "timeout_ms"}`` as JSON."""
LONGEST_BODY = 100 << 20
LONGEST_ID = 100
"""Characters of a header that names a request."""
_MOST_CONNECTIONS = 4096
_SPARE_FILES = 128
"""Descriptors that are left to the script."""
_JSON = [("Content-Type", "application/json")]
_TEXT = [("Content-Type", "text/html; charset=utf-8")]
_METHODS = {"/": ("GET", "HEAD"), "/score": ("GET", "POST", "OPTIONS"), "/swagger.json": ("GET", "HEAD")}
_METHODS[scoring_counts.PATH] = ("GET",)
_HERE = ("127.0.0.1", "localhost", "::1")
_FAILED = "x-ms-run-function-failed"
_OWN = ("x-request-id", "x-ms-request-id", "x-ms-client-request-id", "content-length", "connection", "date")
"""Headers that a script cannot set."""


class TimeIsOver(BaseException):
    """A call of the script has taken too long; no ``except Exception`` of the script catches it."""


class Answers:
    """What one scoring script answers.

    Args:
        script: the script.
        access: who may call it, and how: the content of :data:`ACCESS`.
        counts: of the requests that the script answers.
    """

    def __init__(self, script: Script, access: "Dict[str, Any]", counts: scoring_counts.Counts) -> None:
        self._counts = counts
        self._script = script
        self._access = access
        self._origins = [each.strip() for each in str(access.get("cors") or "").split(",") if each.strip()]
        self._limit = float(access.get("timeout_ms") or 0) / 1000
        self._called = False
        if self._limit:
            signal.signal(signal.SIGALRM, self._give_up)

    @property
    def longest(self) -> float:
        """Seconds that a call of the script may take; 0 if it may take any time."""
        return self._limit

    def judge(self, request: "Request") -> "Optional[Answer]":
        """Return the answer if the script is not asked, else None.

        Args:
            request: the request, perhaps without its body yet.
        """
        try:
            self._name(request)
            return self._found(request)
        except Refused as refused:
            return refusal(refused)

    def score(self, request: "Request") -> "Answer":
        """Return the script's answer.

        Args:
            request: the whole request.
        """
        began = time.perf_counter()
        try:
            answer = self._response(self._called_script(request))
        except (BadInput, UnknownKind) as error:
            answer = refusal(Refused(415 if isinstance(error, UnknownKind) else 400, str(error)))
        except TimeIsOver:
            traceback.print_exc()
            answer = refusal(Refused(500, "Scoring timeout after {:g} ms".format(1000 * self._limit), _failed(True)))
        except Exception:  # noqa: BLE001 - whatever a script raises
            traceback.print_exc()
            said = "An unexpected error occurred in scoring script. Check the logs for more info."
            answer = refusal(Refused(500, said, _failed(True)))
        took = time.perf_counter() - began
        self._counts.add(took, (_FAILED, "True") in answer[2])
        request.more.append(("x-ms-run-fn-exec-ms", "{:.3f}".format(1000 * took)))
        return answer

    def _called_script(self, request: "Request") -> "Any":
        _, mark, query = request.target.partition("?")
        target = "/score" + mark + query
        if not self._limit:
            return self._script.run(request, target)
        self._called = True
        try:
            signal.setitimer(signal.ITIMER_REAL, self._limit)
            made = self._script.run(request, target)
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            self._called = False
        return made

    def _give_up(self, *_: "Any") -> None:
        if self._called:
            raise TimeIsOver

    def _response(self, made: "Any") -> "Answer":
        """Return the answer for what ``run`` returned."""
        if isinstance(made, AMLResponse) or (hasattr(made, "status_code") and hasattr(made, "get_data")):  # Flask's
            status, body, headers = made.status_code, made.get_data(), list(made.headers.items())
            kept = [(name, value) for name, value in headers if name.lower() not in _OWN and name.lower() != _FAILED]
            failed = status >= 500 or str(dict(headers).get(_FAILED)) == "True"
            return status, body, kept + _failed(failed)
        return 200, json.dumps(made).encode(), _JSON + _failed(False)

    def _name(self, request: "Request") -> None:
        """Give the request its names, which the answer has, too."""
        fields, more = request.fields, request.more
        own = fields.get("x-request-id") or str(uuid.uuid4())
        if len(own) > LONGEST_ID:
            raise Refused(431, "x-request-id must not exceed {} characters".format(LONGEST_ID))
        more.append(("x-request-id", own))
        legacy, client = fields.get("x-ms-request-id", ""), fields.get("x-ms-client-request-id", "")
        if len(legacy) > LONGEST_ID or len(client) > LONGEST_ID:
            said = "x-ms-request-id and x-ms-client-request-id must not exceed {} characters"
            raise Refused(431, said.format(LONGEST_ID))
        more.append(("x-ms-request-id", legacy or client or own))
        if client or legacy:
            more.append(("x-ms-client-request-id", client or legacy))
        if "traceid" in fields:
            more.append(("TraceId", fields["traceid"]))

    def _found(self, request: "Request") -> "Optional[Answer]":
        self._check_caller(request)
        path, known = self._path(request.target)
        if path not in _METHODS:
            raise Refused(
                404,
                "The requested URL was not found on the server. If you entered the URL manually please check your "
                "spelling and try again.",
            )
        method = request.method
        if request.length == UNKNOWN:
            raise Refused(411, "The request has no Content-Length.")
        wants_key = path != "/" and (self._access["auth"] or path == scoring_counts.PATH)
        if wants_key and not known and not self._is_asked_before(request):
            self._check_key(request)
        if method not in _METHODS[path]:
            allowed = ", ".join(_METHODS[path])
            raise Refused(405, "The method is not allowed for the requested URL.", [("Allow", allowed)])
        if path == "/":
            return 200, b"Healthy", _TEXT + _failed(False)
        if path == scoring_counts.PATH:
            return 200, json.dumps(self._counts.told()).encode(), _JSON + _failed(False)
        if path == "/swagger.json":
            described = json.dumps(swagger(self._access["name"], self._script)).encode()
            return 200, described, _JSON + _failed(False)
        if method == "OPTIONS" and (not self._script.raw or self._is_asked_before(request)):
            return 200, b"", [*_TEXT, ("Allow", ", ".join(_METHODS[path])), *_failed(False)]
        if request.length > LONGEST_BODY:
            raise Refused(413, "The request has more than {} MB.".format(LONGEST_BODY >> 20))
        return None

    def _check_caller(self, request: "Request") -> None:
        """Refuse what a web page in the user's browser may send to this machine, unless its origin was named."""
        fields = request.fields
        if not self._access.get("anywhere") and _host(fields.get("host", "localhost")) not in _HERE:
            raise Refused(403, "This web service only answers programs on this machine.")
        origin = fields.get("origin")
        if origin is None:
            return
        if origin in self._origins or "*" in self._origins:
            request.more += [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
            if self._is_asked_before(request):
                request.more.append(("Access-Control-Allow-Methods", "GET, POST"))
                asked = fields.get("access-control-request-headers")
                request.more += [("Access-Control-Allow-Headers", asked)] if asked else []
        elif request.method != "OPTIONS" and urlsplit(origin).hostname not in _HERE:
            raise Refused(
                403,
                "This web service only answers programs on this machine. For web pages from elsewhere, name their "
                "origins in the environment variable AML_CORS_ORIGINS of its environment.",
            )

    def _is_asked_before(self, request: "Request") -> bool:
        """Tell whether a browser asks whether a page may send a request; it sends no key with that."""
        return request.method == "OPTIONS" and "origin" in request.fields

    def _path(self, target: str) -> "Tuple[str, bool]":
        """Return the path, and whether the caller knows the service's address, which has a key in it."""
        path = target.partition("?")[0] if target[0] == "/" else urlsplit(target).path
        first, slash, rest = path[1:].partition("/")
        known = bool(slash) and _same(first, self._access["address"])
        return ("/" + rest, True) if known else (path, False)

    def _check_key(self, request: "Request") -> None:
        given = request.fields.get("authorization", "")
        scheme, _, key = given.partition(" ")
        fits = [_same(key.strip(), each) for each in self._access["keys"]]
        if scheme.lower() != "bearer" or not any(fits):
            raise Refused(
                401,
                "The key is {}. Send the header 'Authorization: Bearer KEY' with a key from service.get_keys(), or "
                "send the request to service.scoring_uri.".format("wrong" if given else "missing"),
                [("WWW-Authenticate", "Bearer")],
            )


def refusal(refused: Refused) -> "Answer":
    """Return the answer that says why there is no other."""
    headers = _JSON + list(refused.headers)
    failed = [] if any(name == _FAILED for name, _ in headers) else _failed(False)
    return refused.status, json.dumps({"message": refused.message}).encode(), headers + failed


def _failed(failed: bool) -> "Pairs":
    return [(_FAILED, str(failed))]


def _host(text: str) -> str:
    """Return the host of ``host:port``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].lower()


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


def _room() -> int:
    """Return how many connections there may be, having asked for as many descriptors as the system gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return _MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(16, min(_MOST_CONNECTIONS, soft - _SPARE_FILES))


def main() -> None:
    """Load the script, call its ``init``, and answer requests until the process is ended or told to stop."""
    listener, ready, orders = (int(each) for each in sys.argv[1:4])
    path, models = sys.argv[4], sys.argv[5:]
    access, others = json.loads(os.environ.pop(ACCESS)), neighbours()
    access.setdefault("cors", os.environ.get("AML_CORS_ORIGINS"))
    access.setdefault("timeout_ms", os.environ.get("SCORING_TIMEOUT_MS"))
    lay_models(models, os.getcwd())
    lay_source(access.get("folder", ""))
    script = load(path)
    script.init()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # what packages of the script may have changed
    folder = os.environ.get("TRAINSHED_RUN_DIR") or os.getcwd()
    answers = Answers(script, access, scoring_counts.Counts(os.path.join(folder, scoring_counts.FOLDER)))
    place = socket.socket(fileno=listener)
    connections = Connections(place, answers.judge, answers.score, _room(), answers.longest, others)
    connections.obey(orders)
    os.write(ready, b"1")
    os.close(ready)
    connections.serve()


if __name__ == "__main__":
    main()
