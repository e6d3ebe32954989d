"""What requests may hold: sizes, depths, types; each refusal is a sentence, and costs little."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from starlette.requests import Request

from trainshed.errors import UserErrorException
from trainshed.service.requests import JSON_LIMIT, MANIFEST_LIMIT, body_of, field, number, texts
from trainshed.service.responses import ApiResponse


class Pieces:
    """The body of a request, and how many of its pieces were asked for."""

    def __init__(self, *pieces: bytes) -> None:
        self._left = list(pieces)
        self.read = 0

    async def __call__(self) -> dict[str, Any]:
        self.read += 1
        return {"type": "http.request", "body": self._left.pop(0), "more_body": bool(self._left)}


def request(pieces: Pieces | None = None, query: str = "", length: str | None = None) -> Request:
    headers = [] if length is None else [(b"content-length", length.encode("latin-1"))]
    scope = {"type": "http", "path": "/x", "query_string": query.encode(), "headers": headers, "server": ("x", 1)}
    return Request({**scope, "method": "POST", "scheme": "http"}, pieces or Pieces(b""))


def parsed(*pieces: bytes, limit: int = JSON_LIMIT) -> Any:
    return asyncio.run(body_of(request(Pieces(*pieces)), limit))


def test_bodies_are_json() -> None:
    assert parsed(b'{"a": ', b"[1]}") == {"a": [1]}
    assert parsed(b"", b"") is None


def test_a_body_that_tells_it_is_too_large_is_not_read() -> None:
    pieces = Pieces(b"[", b"]")
    for length in (str(JSON_LIMIT + 1), "9" * 20):
        with pytest.raises(UserErrorException, match="/x takes at most 4 MB"):
            asyncio.run(body_of(request(pieces, length=length), JSON_LIMIT))
    assert pieces.read == 0


def test_no_more_of_a_large_body_is_read_than_is_allowed() -> None:
    pieces = Pieces(*[b" " * (1 << 20)] * 10)
    with pytest.raises(UserErrorException, match="too large"):
        asyncio.run(body_of(request(pieces, length="²"), JSON_LIMIT))
    assert pieces.read == 5


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * 100_000, "not valid JSON"),
        (b"[" * 65 + b"]" * 65, "inside each other"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "inside each other"),
        (b"[" + b"[]," * 500_000 + b"[]]", "too many parts"),
        (b"[" + b"1," * 4_000_000 + b"1]", "too many parts"),
        (b"9" * 5000, "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"{}x", "not valid JSON"),
    ],
    ids=["never closed", "lists", "objects", "many lists", "many numbers", "long number", "no text", "more"],
)
def test_bodies_that_would_cost_much_are_refused(content: bytes, why: str) -> None:
    with pytest.raises(UserErrorException, match=why):
        parsed(content, limit=MANIFEST_LIMIT)


def test_a_manifest_of_many_files_is_taken() -> None:
    entry = {"kind": "file", "path": "folder/file", "sha256": "a" * 64, "size": 1, "mode": 420}
    assert len(parsed(json.dumps([entry] * 100_000).encode(), limit=MANIFEST_LIMIT)) == 100_000


@pytest.mark.parametrize("text", ["--1", "²", "٣", "9" * 5000, "1" * 19, "", "-", "1.5", "+1", " 1", "0x1", "1\n"])
def test_numbers_are_whole_and_small(text: str) -> None:
    from urllib.parse import quote

    with pytest.raises(UserErrorException, match=r"Query parameter 'n' is .*whole number") as caught:
        number(request(query=f"n={quote(text)}"), "n", 0)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(("query", "value"), [("", 7), ("n=0", 0), ("n=-1", -1), ("n=" + "9" * 18, 10**18 - 1)])
def test_numbers(query: str, value: int) -> None:
    assert number(request(query=query), "n", 7) == value


@pytest.mark.parametrize("value", [{"a": 1}, [1], ["a", {}], "a", None, [None]])
def test_lists_of_texts_have_nothing_else(value: Any) -> None:
    with pytest.raises(UserErrorException, match="Field 'names'"):
        texts({"names": value}, "names")


def test_fields_are_named() -> None:
    assert field({"a": 1}, "a", int) == 1
    with pytest.raises(UserErrorException, match="Field 'a' is missing or is not a str"):
        field(["a"], "a", str)


def test_responses_hold_any_float() -> None:
    assert ApiResponse({"a": float("nan")}).body == b'{"a": {"$float": "NaN"}}'
