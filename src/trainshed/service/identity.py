"""The proof that a service gives before a client sends it a token: that it knows the token."""

from __future__ import annotations

import hmac
import string
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.errors import UserErrorException
from trainshed.service.responses import ApiResponse

PATH = "/api/v1/identity"
Tokens = Callable[[], list[str]]
_PURPOSE = b"trainshed identity "
_DIGITS = frozenset(string.hexdigits)
_LENGTH = 64


async def identity(request: Request) -> Response:
    """GET /identity?nonce=…: proofs for the tokens that a client may have; it needs none to ask.

    Raises:
        UserErrorException: the nonce is not 64 hex digits. Nobody gets anything but such a text signed.
    """
    nonce = request.query_params.get("nonce", "")
    if len(nonce) != _LENGTH or not _DIGITS.issuperset(nonce):
        raise UserErrorException(f"Query parameter 'nonce' must be {_LENGTH} hex digits, made at random.")
    tokens: Tokens = request.app.state.tokens
    return ApiResponse({"proofs": [proof(token, nonce) for token in tokens()]})


def proof(token: str, nonce: str) -> str:
    """Return what shows that a service knows a token.

    Args:
        token: the token.
        nonce: what the client chose: 64 hex digits.
    """
    return hmac.new(token.encode(), _PURPOSE + nonce.encode("ascii"), "sha256").hexdigest()


ROUTES = [Route(PATH, identity)]
