"""What a request may hold: JSON that is neither too large nor too deep, fields and parameters of the right types."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from trainshed.errors import UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.spec.floats import spelled

API = "/api/v1"
JSON_LIMIT = 4 << 20
"""Bytes of a JSON body, unless the route says otherwise."""
MANIFEST_LIMIT = 64 << 20
"""The same for a source manifest; one of 100,000 files has about 20 MB."""
_CONTAINERS = 400_000
"""Lists and objects in a body. Each takes a hundred bytes of memory, and may take two in the body."""
_VALUES = 3_000_000
_DEPTH = 64
_DIGITS = 18
"""Digits of a number in a path or a parameter: what surely fits into 64 bits."""

Handler = Callable[[ServiceContext, Request, Any], Any]
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class ApiResponse(JSONResponse):
    """JSON in ASCII, because logged text may contain lone surrogates, which UTF-8 cannot represent."""

    def render(self, content: Any) -> bytes:
        """Return the bytes of a response."""
        try:
            return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
        except ValueError:
            return json.dumps(spelled(content), allow_nan=False).encode()


class _Version(Convertor[int]):
    """A version in a path; what is no version leads to no route."""

    regex = f"[0-9]{{1,{_DIGITS}}}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("version", _Version())


async def content_of(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    Args:
        request: the request.
        limit: how many bytes it may have.

    Raises:
        UserErrorException: it is longer; the rest of it is not read.
    """
    told = request.headers.get("content-length", "0")
    content = bytearray()
    if not told.isdecimal() or int(told[: _DIGITS + 1]) <= limit:
        async for part in request.stream():
            content += part
            if len(content) > limit:
                break
        else:
            return bytes(content)
    raise UserErrorException(f"The request is too large: {request.url.path} takes at most {limit >> 20} MB at once.")


async def body_of(request: Request, limit: int) -> Any:
    """Return the JSON body of a request, or None if it has none.

    Args:
        request: the request.
        limit: how many bytes it may have.

    Raises:
        UserErrorException: not JSON, too long, too deep, or of too many parts.
    """
    content = await content_of(request, limit)
    if not content:
        return None
    return await run_in_threadpool(_parsed, content) if len(content) > _DEPTH << 10 else _parsed(content)


def _parsed(content: bytes) -> Any:
    containers = content.count(b"[") + content.count(b"{")  # a few more: those in texts
    if containers > _CONTAINERS or content.count(b",") > _VALUES:
        raise UserErrorException(
            f"The request has too many parts: {containers} lists and objects; {_CONTAINERS} are possible."
        )
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserErrorException(f"The request is not valid JSON: {error}") from error
    if containers > _DEPTH:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Raise if lists and objects are inside each other too often for functions that call themselves for each."""
    level = [value]
    for _ in range(_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise UserErrorException(f"The request has more than {_DEPTH} lists and objects inside each other.")


def endpoint(handler: Handler, limit: int = JSON_LIMIT) -> Endpoint:
    """Wrap a plain function: parse the body, call the function in a thread, send its result as JSON.

    Args:
        handler: the function.
        limit: bytes of the body.
    """

    async def serve(request: Request) -> Response:
        body = await body_of(request, limit)
        return ApiResponse(await run_in_threadpool(handler, request.app.state.context, request, body))

    return serve


def field(body: Any, name: str, kind: type | tuple[type, ...], default: Any = None) -> Any:
    """Return a field of a JSON body, checking its type.

    Raises:
        UserErrorException: missing without a default, or of another type.
    """
    value = body.get(name, default) if isinstance(body, dict) else default
    if not isinstance(value, kind):
        wanted = kind[-1] if isinstance(kind, tuple) else kind
        raise UserErrorException(f"Field '{name}' is missing or is not a {wanted.__name__}.")
    return value


def texts(body: Any, name: str, default: Any = None) -> list[str]:
    """Return a field of a JSON body that is a list of texts.

    Raises:
        UserErrorException: missing without a default, or something else.
    """
    value: list[str] = field(body, name, list, default)
    if not all(isinstance(item, str) for item in value):
        raise UserErrorException(f"Field '{name}' must be a list of texts.")
    return value


def number(request: Request, name: str, default: int) -> int:
    """Return a query parameter that is a whole number.

    Raises:
        UserErrorException: it is something else, or has too many digits.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise UserErrorException(f"Query parameter '{name}' is {text[:40]!r}; it must be a whole number.")
    return int(text)
