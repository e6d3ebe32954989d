"""Authenticates requests: the Host header and the token, on every route except the health check and the identity."""

from __future__ import annotations

import hmac
import logging
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
from trainshed.version import VERSION

log = logging.getLogger("trainshed.service")
PAGES = "/pages/"
COOKIE = "trainshed_pages"
BY_SOCKET = "trainshed.invalid"
"""Host of a client on a Unix socket; a reserved domain that cannot exist on the Internet."""
PUBLIC = frozenset({"/healthz", IDENTITY})
"""What needs no token."""
SAME_USER = "trainshed.same_user"
"""In a request's scope: whether its client is this user on this machine, who can open files named in a response."""
KNOWN = "trainshed.known"
"""In a request's scope: whether its client has a valid token, or the key of a page."""
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
        hosts: accepted values of the Host header, which prevents DNS rebinding by web pages.
        seen: called at each request, to record that the service is used.
        lasting: returns the token of clients that were given an address and a token, or None if there is none.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: str,
        hosts: frozenset[str],
        seen: Callable[[], None],
        lasting: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._app = app
        self._lasting = lasting
        self._token = token.encode()
        self._hosts = hosts
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
        refusal = None if self._has_lasting(shown) else self._refusal(Request(scope))
        if refusal is not None:
            await as_response(refusal)(scope, receive, dressed)
            return
        scope[KNOWN] = Request(scope).url.path not in PUBLIC
        if scope[KNOWN]:
            self._seen()
        await self._app(scope, receive, dressed)

    def _has_lasting(self, shown: bytes) -> bool:
        """Tell whether the client has the lasting token; through a tunnel, its Host header may have another port."""
        lasting = self._lasting()
        return bool(lasting) and hmac.compare_digest(shown, str(lasting).encode())

    def _refusal(self, request: Request) -> TrainshedError | None:
        if request.url.path == IDENTITY:
            return None  # whatever the host is called: through a tunnel, it has another port
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in self._hosts:
            return UserErrorException("The Host header does not name this service.")
        if request.url.path in PUBLIC:
            return None
        if request.url.path.startswith(PAGES):
            return self._page_refusal(request)
        if not request.scope[SAME_USER]:
            return AuthenticationException(
                "The token is missing or wrong. It is in service.json of the workspace folder; "
                "'trainshed service status' shows which folder that is."
            )
        return None

    def _page_refusal(self, request: Request) -> TrainshedError | None:
        """Check the key of a page: pages are read-only, and a browser opens them with a key, never with the token."""
        shown = request.query_params.get("key") or request.cookies.get(COOKIE) or ""
        if request.method == "GET" and hmac.compare_digest(shown.encode(), page_key(self._token).encode()):
            return None
        return AuthenticationException(
            "This page needs a key. Open it by the URL that run.get_portal_url() or 'trainshed show RUN' gives."
        )


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def page_key(token: bytes) -> str:
    """Return the key that gives read access to the service's pages until the service exits.

    Args:
        token: the service's token.
    """
    return hmac.new(token, b"pages", "sha256").hexdigest()


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
