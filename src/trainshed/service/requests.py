"""What a request may hold: JSON that is neither too large nor too deep, fields and parameters of the right types."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.convertors import Convertor, PathConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from trainshed.errors import UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.responses import ApiResponse

API = "/api/v1"
JSON_LIMIT = 4 << 20
"""Bytes of a JSON body, unless the route says otherwise."""
MANIFEST_LIMIT = 64 << 20
"""The same for a source manifest; one of 100,000 files has about 20 MB."""
_CONTAINERS = 400_000
"""Lists and objects in a body. Each takes a hundred bytes of memory, and may take two in the body."""
_VALUES = 3_000_000
_DEPTH = 64
_QUICK = 64 << 10
"""Bytes of JSON that are parsed in less time than a thread needs to begin."""
_DIGITS = 18
"""Digits of a number in a path or a parameter: what surely fits into 64 bits."""

Handler = Callable[[ServiceContext, Request, Any], Any]
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


class _Version(Convertor[int]):
    """A version in a path; what is no version leads to no route."""

    regex = f"[0-9]{{1,{_DIGITS}}}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


class _FileName(PathConvertor):
    """Name of a file in a path: it may have line breaks, which the system allows in names."""

    regex = "(?s:.*)"


register_url_convertor("version", _Version())
register_url_convertor("file", _FileName())


async def content_of(request: Request, limit: int) -> bytes:
    """Return the body of a request.

    Args:
        request: the request.
        limit: how many bytes it may have.

    Raises:
        UserErrorException: it is longer; the rest of it is not read.
    """
    return b"".join([part async for part in _parts(request, limit)])


async def _parts(request: Request, limit: int) -> AsyncIterator[bytes]:
    told = request.headers.get("content-length", "0")
    size = int(told[: _DIGITS + 1]) if told.isdecimal() else 0
    if size <= limit:
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > limit:
                break
            yield part
    if size > limit:
        raise UserErrorException(
            f"The request is too large: {request.url.path} takes at most {limit >> 20} MB at once."
        )


async def body_of(request: Request, limit: int) -> Any:
    """Return the JSON body of a request, or None if it has none.

    Args:
        request: the request.
        limit: how many bytes it may have.

    Raises:
        UserErrorException: not JSON, too long, too deep, or of too many parts.
    """
    read, containers, values = [], 0, 0
    async for part in _parts(request, limit):
        read.append(part)
        # A few more: there may be some in texts.
        containers += part.count(b"[") + part.count(b"{")
        values += part.count(b",")
        if containers > _CONTAINERS or values > _VALUES:
            raise UserErrorException(
                f"The request has too many parts; {_CONTAINERS} lists and objects, and {_VALUES} values are possible."
            )
    content = b"".join(read)
    if not content:
        return None
    parse = partial(_parsed, content, containers)
    return await run_in_threadpool(parse) if len(content) > _QUICK else parse()


def _parsed(content: bytes, containers: int) -> Any:
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
