"""Every route refuses whoever has no token, and every answer is dressed."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest

from trainshed.errors import NotFoundException
from trainshed.service.guard import Guard, as_response
from trainshed.service.routes import ROUTES
from trainshed.service.transfers import ROUTES as TRANSFERS
from trainshed.spec.floats import spelled
from trainshed.web.sessions import Sessions

HOST = "127.0.0.1:1234"


def ask(path: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, dict[str, str]]:
    """Send one request through the guard to an application that says 299 to everything."""
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw, "query_string": b"", "scheme": "http"}
    with tempfile.TemporaryDirectory() as folder:
        sessions = Sessions(Path(folder))
        sessions.keep(1234)
        asyncio.run(Guard(app, "secret", 1234, sessions, lambda: None)(scope, receive, send))
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}


GOOD = {"host": HOST, "authorization": "Bearer secret"}
ALL = [
    (route.path.replace("{run}", "r").replace("{name}", "n").replace("{name:path}", "n").replace("{path:path}", "p"), m)
    for route in [*ROUTES, *TRANSFERS]
    for m in sorted({*(route.methods or ()), "OPTIONS", "DELETE"})
    if route.path != "/healthz"
]


@pytest.mark.parametrize(
    ("path", "method"), [*ALL, ("/pages/data/runs", "GET"), ("/nope", "GET"), ("/healthz/x", "GET")]
)
def test_without_the_token_nobody_gets_in(path: str, method: str) -> None:
    for wrong in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic secret"},
        {"authorization": "secret"},
    ):
        assert ask(path, method, {"host": HOST, **wrong})[0] == 401
    assert ask(path, method, GOOD)[0] == 299


@pytest.mark.parametrize(
    "host", ["evil.com", "evil.com:1234", "127.0.0.1.evil.com", "", "127.0.0.1:1234.", "localhost:1234:1"]
)
def test_a_page_cannot_reach_in_by_its_own_name(host: str) -> None:
    assert ask("/api/v1/runs", headers={**GOOD, "host": host})[0] == 400
    assert ask("/healthz", headers={"host": host})[0] == 400


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "localhost:8000"])
def test_a_tunnel_may_have_another_port(host: str) -> None:
    assert ask("/api/v1/runs", headers={**GOOD, "host": host})[0] == 299


def test_everybody_may_load_the_page_but_not_what_it_shows() -> None:
    for path in ("/", "/pages/", "/pages/runs/x", "/pages/assets/1/base.js"):
        assert ask(path, headers={"host": "hub.example.org"})[0] == 299
    for path in ("/pages/data/runs", "/pages/data/runs/x/files/y"):
        for headers in ({}, {"x-trainshed-session": "1.2.3"}, {"x-trainshed-session": "é"}, {"cookie": "a=b"}):
            assert ask(path, headers={"host": HOST, **headers})[0] == 401


def test_answers_are_dressed() -> None:
    for headers in (GOOD, {"host": HOST}):
        answer = ask("/api/v1/runs", headers=headers)[1]
        assert answer["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer["content-security-policy"]


def test_floats_that_json_lacks() -> None:
    assert spelled({"a": [float("nan"), -float("inf"), 1.0]}) == {
        "a": [{"$float": "NaN"}, {"$float": "-Infinity"}, 1.0],
    }


def test_errors_travel_with_their_type() -> None:
    answer = as_response(NotFoundException("gone", {"id": 1}))
    assert answer.status_code == 404
    assert b'"type":"NotFoundException"' in answer.body
