"""A client that knows an address sends neither its token nor anything else to what cannot prove that it is the service."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from impostor import impostor

from trainshed.client import identity
from trainshed.client.http import Connection
from trainshed.errors import AuthenticationException, ServiceException, TrainshedError


def answer(body: bytes, status: bytes = b"200 OK", length: bytes | None = None) -> bytes:
    size = b"%d" % len(body) if length is None else length
    return b"HTTP/1.1 %s\r\ncontent-length: %s\r\n\r\n%s" % (status, size, body)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (answer(b'{"ok": true, "pid": 1, "token": "t"}'), ServiceException, "cannot prove"),
        (answer(b'{"proofs": []}'), AuthenticationException, "does not know the token"),
        (answer(json.dumps({"proofs": ["f" * 64, None, 3, {}, "\ud800"]}).encode()), AuthenticationException, "access"),
        (answer(b'{"proofs": {"a": 1}}'), ServiceException, "cannot prove"),
        (answer(b'{"error": {}}', b"404 Not Found"), ServiceException, "older release"),
        (answer(b"[" * 60_000), ServiceException, "cannot prove"),
        (answer(b'{"proofs": ["%s"]}' % (b"x" * 70_000)), ServiceException, "cannot prove"),
        (answer(b"{}", length=b"many"), ServiceException, "cannot prove"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nmany\r\n", ServiceException, "cannot prove"),
        (b"220 mail.example ESMTP\r\n", ServiceException, "does not speak HTTP"),
    ],
)
def test_an_impostor_learns_nothing(tmp_path: Path, said: bytes, kind: type[TrainshedError], words: str) -> None:
    with impostor(tmp_path, answer=said) as other:
        address = f"http://127.0.0.1:{other.port}"
        with pytest.raises(kind, match=words) as caught:
            Connection(address, "our-token").call("POST", "/runs", {"spec": "our-secret"})
        assert f"127.0.0.1:{other.port}" in str(caught.value)
        assert "GET /api/v1/identity?nonce=" in other.heard
        assert "our-" not in other.heard


def test_a_client_in_place_of_which_the_service_starts_goes_on(tmp_path: Path) -> None:
    """Another program has taken the port of a service that was killed: the next is looked for."""
    with impostor(tmp_path) as other:
        asked = []

        def refresh() -> tuple[str, str]:
            asked.append(1)
            raise ServiceException("it could not start")

        with pytest.raises(ServiceException, match="it could not start"):
            Connection(f"http://127.0.0.1:{other.port}", "our-token", refresh).call("GET", "/runs")
        assert asked == [1]
        assert "our-" not in other.heard


@pytest.mark.parametrize("known", [True, False])
def test_a_silent_impostor_is_no_reason_to_give_up(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_SECONDS", 0.1)

    def refresh() -> tuple[str, str]:
        raise ServiceException("the next was looked for")

    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ServiceException, match="the next was looked for" if known else "does not answer"):
            Connection(address, "our-token", refresh if known else None).call("GET", "/runs")
