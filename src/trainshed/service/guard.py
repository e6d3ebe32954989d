"""Authenticates requests: the Host header and the token, on every route except the health check and the identity."""

from __future__ import annotations

import hmac
import logging
import os
import re
import time
import uuid
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trainshed.errors import (
    AuthenticationException,
    InternalException,
    ServiceException,
    TrainshedError,
    UserErrorException,
)
from trainshed.service.identity import PATH as IDENTITY
from trainshed.service.responses import ApiResponse
from trainshed.system.peers import uid_at
from trainshed.version import VERSION
from trainshed.web.sessions import Sessions

log = logging.getLogger("trainshed.service")
PAGES = "/pages/"
DATA = f"{PAGES}data/"
"""What the page shows; the page itself, whose files are below :data:`PAGES`, everybody may load."""
SESSION = "x-trainshed-session"
"""Header with the session of a browser."""
BY_SOCKET = "trainshed.invalid"
"""Host of a client on a Unix socket; a reserved domain that cannot exist on the Internet."""
PUBLIC = frozenset({"/", "/healthz", IDENTITY})
"""What needs no token."""
SAME_USER = "trainshed.same_user"
"""In a request's scope: whether its client is this user on this machine, who can open files named in a response."""
LOGIN = f"{DATA}login"
CODES = "/api/v1/page"
USER = "trainshed.user"
"""In a request's scope, at :data:`CODES` and below :data:`DATA`: the id of the user who sends it, if known, or None."""
KNOWN = "trainshed.known"
"""In a request's scope: whether its client has a valid token, or the session of a browser."""
_MOST_PEERS = 256
_PEER_SECONDS = 5.0
_LOOPBACK = re.compile(rf"(?:127\.0\.0\.1|localhost|{re.escape(BY_SOCKET)})(?::\d{{1,5}})?")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
]


class Guard:
    """Checks each request before any route sees it, and adds headers to each response.

    Args:
        app: the guarded application.
        token: the token in the service endpoint file, which only this user on this machine can read; clients that have
            it
            may be told file names.
        port: the port at which the service listens.
        sessions: the sessions of browsers.
        seen: called at each request, to record that the service is used.
        lasting: returns the token of clients that were given an address and a token, or None if there is none.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: str,
        port: int,
        sessions: Sessions,
        seen: Callable[[], None],
        lasting: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._app = app
        self._lasting = lasting
        self._token = token.encode()
        self._sessions = sessions
        self._peers = Peers(port)
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or respond why it is rejected."""
        if scope["type"] != "http":
            return

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in _HEADERS if each[0] not in there)]
            await send(message)

        shown = _bearer(Request(scope)).encode()
        scope[SAME_USER] = hmac.compare_digest(shown, self._token)
        if scope["path"].startswith(DATA) or scope["path"] == CODES:
            scope[USER] = self._peers.user(Request(scope))
        refusal = None if self._has_lasting(shown) else self._refusal(Request(scope))
        if refusal is not None:
            await as_response(refusal)(scope, receive, dressed)
            return
        scope[KNOWN] = not _is_public(Request(scope).url.path)
        if scope[KNOWN]:
            self._seen()
        await self._app(scope, receive, dressed)

    def _has_lasting(self, shown: bytes) -> bool:
        """Tell whether the client has the lasting token; through a tunnel, its Host header may have another port."""
        lasting = self._lasting()
        return bool(lasting) and hmac.compare_digest(shown, str(lasting).encode())

    def _refusal(self, request: Request) -> TrainshedError | None:
        path = request.url.path
        if path in ("/", IDENTITY):
            return None  # whatever the host is called, as through a proxy
        if path.startswith(PAGES):
            return self._page_refusal(request)
        # By name, not by port: through a tunnel, the port is another. A web page that has its name lead here (DNS
        # rebinding) shows a name of its own.
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or not _LOOPBACK.fullmatch(hosts[0]):
            return UserErrorException("The Host header does not name this service.")
        if path in PUBLIC or request.scope[SAME_USER]:
            return None
        return AuthenticationException(
            "The token is missing or wrong. It is in service.json of the workspace folder; "
            "'trainshed service status' shows which folder that is."
        )

    def _page_refusal(self, request: Request) -> TrainshedError | None:
        """Check the session of a browser. It may call the host whatever it likes, such as through a proxy.

        Browsers do not send sessions by themselves, so no other web page can make use of one.
        """
        path = request.url.path
        if not path.startswith(DATA) or request.scope[SAME_USER]:
            return None
        if self._sessions.valid(request.headers.get(SESSION, ""), request.scope[USER]):
            return None
        ticket = request.query_params.get("ticket")
        if request.method == "GET" and ticket and self._sessions.opens(ticket, path):
            return None
        if path == LOGIN:
            return None
        return AuthenticationException("This browser is not logged in. Run 'trainshed open' on the service's machine.")


class Peers:
    """Tells which user's program is at the other end of a connection; kept for a moment, as asking takes a millisecond.

    Args:
        port: the port at which the service listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._known: dict[tuple[str, int], tuple[float, int | None]] = {}

    def user(self, request: Request) -> int | None:
        """Return the id of the user; None if it is not known.

        Args:
            request: a request of the connection.
        """
        if request.client is None or not request.client.host:
            return os.getuid()  # a Unix socket, at which only this user's programs are let in
        peer = request.client.host, request.client.port
        now = time.monotonic()
        until, user = self._known.get(peer, (0.0, None))
        if until < now:
            while len(self._known) >= _MOST_PEERS:
                self._known.pop(next(iter(self._known)))
            user = uid_at(peer, self._port)
            self._known[peer] = now + _PEER_SECONDS, user
        return user


def _is_public(path: str) -> bool:
    return path in PUBLIC or path == LOGIN or (path.startswith(PAGES) and not path.startswith(DATA))


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def as_response(error: TrainshedError, status: int | None = None) -> Response:
    """Return the response that carries an error to the client.

    Args:
        error: the exception.
        status: the HTTP status; None for that of the exception.
    """
    body = {"type": type(error).__name__, "message": error.message, "details": error.details}
    return ApiResponse({"error": body}, status_code=status or error.status)


async def user_error_response(_: Request, error: Exception) -> Response:
    """Convert an exception of Trainshed into its response."""
    assert isinstance(error, TrainshedError)
    return as_response(error)


async def hung_up_response(_: Request, __: Exception) -> Response:
    """Answer nobody: the client hung up before its request was complete."""
    return Response(status_code=400)


async def unknown_route_response(request: Request, error: Exception) -> Response:
    """Tell a client of another release what this service does not support."""
    assert isinstance(error, HTTPException)
    client = request.headers.get("user-agent", "").removeprefix("trainshed/")
    advice = f" The client is {client or 'unknown'}. Install the same release on both sides."
    told = f"This service, Trainshed {VERSION}, does not support {request.method} {request.url.path}."
    return as_response(ServiceException(told + (advice if client != VERSION else "")), error.status_code)


async def internal_error_response(_: Request, error: Exception) -> Response:
    """Convert any other exception into a response that only says where to find the details."""
    number = uuid.uuid4().hex[:8]
    log.error("error %s at %s", number, time.time(), exc_info=error)
    return as_response(
        InternalException(f"The service had an internal error ({number}); see service.log in the workspace folder.")
    )
