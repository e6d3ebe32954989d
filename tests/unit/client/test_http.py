from __future__ import annotations

import json
import math
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from impostor import impostor

from trainshed.client.http import Connection, quoted
from trainshed.errors import NotFoundException, ServiceException, TrainshedError, UserErrorException
from trainshed.service.identity import proof

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n" + b'{"ok":true}'


class Server:
    """Proves that it knows the tokens; answers with the given bytes, a list for each connection; keeps what was asked."""

    tokens = ("t", "secret", "new", "old")

    def __init__(self, *connections: list[bytes]) -> None:
        self.asked: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, args=(connections,))
        self._thread.start()

    def _serve(self, connections: tuple[list[bytes], ...]) -> None:
        for answers in connections:
            line, _ = self._listener.accept()
            with line:
                line.sendall(self._proofs(self._request(line)))
                for answer in answers:
                    self.asked.append(self._request(line))
                    line.sendall(answer)

    def _proofs(self, asked: bytes) -> bytes:
        target = re.fullmatch(rb"GET /api/v1/identity\?nonce=([0-9a-f]{64}) HTTP/1\.1", asked.partition(b"\r\n")[0])
        assert target is not None
        assert b"authorization" not in asked.lower()
        body = json.dumps({"proofs": [proof(token, target[1].decode()) for token in self.tokens]}).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)

    @staticmethod
    def _request(line: socket.socket) -> bytes:
        got = b""
        while b"\r\n\r\n" not in got:
            got += line.recv(65536)
        head, _, body = got.partition(b"\r\n\r\n")
        for field in head.lower().split(b"\r\n"):
            if field.startswith(b"content-length:"):
                while len(body) < int(field.partition(b":")[2]):
                    body += line.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        self._thread.join()
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*connections: list[bytes]) -> Server:
        servers.append(Server(*connections))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def test_two_calls_share_one_line(serve: Callable[..., Server]) -> None:
    server = serve([OK, OK])
    connection = Connection(server.url, "secret")
    assert connection.call("GET", "/runs", query={"a": "x y", "none": None}) == {"ok": True}
    assert connection.call("POST", "/runs", {"b": [1]}) == {"ok": True}
    first, second = server.asked
    assert first.startswith(b"GET /api/v1/runs?a=x%20y HTTP/1.1\r\n")
    assert b"Authorization: Bearer secret" in first
    assert second.endswith(b'{"b":[1]}')
    connection.close()


def test_a_line_that_was_closed_meanwhile_is_replaced(serve: Callable[..., Server]) -> None:
    server = serve([OK], [OK])
    connection = Connection(server.url, "t")
    assert connection.call("GET", "/a") == connection.call("GET", "/b") == {"ok": True}
    connection.close()


def test_a_lost_answer_is_asked_for_again_after_refreshing(serve: Callable[..., Server]) -> None:
    dying, alive = serve([b""]), serve([OK])
    connection = Connection(dying.url, "old", refresh=lambda: (alive.url, "new"))
    assert connection.call("POST", "/runs", {}) == {"ok": True}
    assert b"Bearer new" in alive.asked[0]
    assert connection.base_url == alive.url
    connection.close()


def test_stopping_is_not_asked_for_twice(serve: Callable[..., Server]) -> None:
    server = serve([b""])
    connection = Connection(server.url, "t", refresh=lambda: pytest.fail("it was brought back to be stopped"))
    with pytest.raises(ServiceException):
        connection.call("POST", "/service/stop")


def test_nobody_there_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(ServiceException, match=r"cannot be reached .*trainshed service status"):
        Connection(url, "t").call("GET", "/service")


def test_an_error_is_what_it_was_on_the_other_side(serve: Callable[..., Server]) -> None:
    body = b'{"error": {"type": "NotFoundException", "message": "No such run.", "details": {"a": 1}}}'
    answer = b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    server = serve([answer, OK])
    connection = Connection(server.url, "t")
    with pytest.raises(NotFoundException, match=r"No such run\.") as caught:
        connection.stream("GET", "/runs/x/files/y")
    assert caught.value.details == {"a": 1}
    assert connection.call("GET", "/a") == {"ok": True}
    connection.close()


@pytest.mark.parametrize("body", [b"Not Found", b"{}", b'{"error": 3}'])
def test_an_error_without_explanation_is_one_too(serve: Callable[..., Server], body: bytes) -> None:
    server = serve([b"HTTP/1.1 404 Not Found\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)])
    connection = Connection(server.url, "t")
    with pytest.raises(ServiceException, match="404"):
        connection.call("GET", "/nowhere")
    connection.close()


def test_a_stream_gives_pieces_as_they_come(serve: Callable[..., Server]) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    server = serve([chunked, OK])
    connection = Connection(server.url, "t")
    assert b"".join(connection.stream("GET", "/log")) == b"abcde"
    assert connection.call("GET", "/a") == {"ok": True}
    connection.close()


def test_a_stream_that_breaks_says_so(serve: Callable[..., Server]) -> None:
    server = serve([b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"])
    pieces = Connection(server.url, "t").stream("GET", "/log")
    assert next(pieces) == b"abc"
    with pytest.raises(ServiceException, match="closed the connection in the middle"):
        next(pieces)


def test_what_speaks_no_http_is_an_error(serve: Callable[..., Server]) -> None:
    server = serve([b"SSH-2.0-x\r\n"])
    with pytest.raises(ServiceException, match="does not speak HTTP"):
        Connection(server.url, "t").call("GET", "/a")


def test_numbers_that_json_lacks_come_through(serve: Callable[..., Server]) -> None:
    body = b'{"metrics": {"a": [{"$float": "NaN"}, {"$float": "-Infinity"}, 1.5]}}'
    server = serve([b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)])
    connection = Connection(server.url, "t")
    values = connection.call("GET", "/m")["metrics"]["a"]
    assert math.isnan(values[0])
    assert values[1:] == [-math.inf, 1.5]
    connection.close()


def test_an_upload_is_sent_whole(serve: Callable[..., Server]) -> None:
    server = serve([OK])
    connection = Connection(server.url, "t")
    connection.upload("PUT", quoted("runs", "r", "files", "a b.txt"), lambda: iter([b"one", b"two"]), 6)
    assert server.asked[0].startswith(b"PUT /api/v1/runs/r/files/a%20b.txt ")
    assert server.asked[0].endswith(b"onetwo")
    connection.close()


@pytest.mark.parametrize("url", ["https://x:1", "http://x", "x:1", ""])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(TrainshedError, match="http://host:port"):
        Connection(url, "t")


def test_an_empty_name_does_not_become_another_path() -> None:
    with pytest.raises(UserErrorException, match="A name is empty"):
        quoted("runs", "")


def test_a_service_that_is_killed_again_and_again_is_looked_for_again(serve: Callable[..., Server]) -> None:
    gone = [serve([b""]) for _ in range(4)]
    alive = serve([OK])
    wheres = iter([*gone[1:], alive])
    connection = Connection(gone[0].url, "old", refresh=lambda: (next(wheres).url, "new"))
    assert connection.call("POST", "/runs", {"submit_id": "1"}) == {"ok": True}
    assert [b'{"submit_id":"1"}' in server.asked[0] for server in (*gone, alive)] == [True] * 5
    connection.close()


def test_a_service_that_is_always_killed_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    looked = []
    connection = Connection(url, "t", refresh=lambda: (looked.append(1) or url, "t"))  # type: ignore[func-returns-value]
    with pytest.raises(ServiceException, match="cannot be reached"):
        connection.call("GET", "/runs")
    assert 1 < len(looked) < 10


def test_a_stop_that_may_have_been_read_is_not_repeated_after_a_renewal(serve: Callable[..., Server]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    dying = serve([b""])
    connection = Connection(url, "t", refresh=lambda: (dying.url, "t"))
    with pytest.raises(ServiceException):
        connection.call("POST", "/service/stop")
    assert len(dying.asked) == 1


@pytest.mark.parametrize("us", [0, 1])
def test_a_socket_is_used_if_this_user_listens_there(
    us: int, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with impostor(short_path, path=short_path / "socket", answer=OK) as other:
        connection = Connection("http://127.0.0.1:1", "our-token", socket=str(short_path / "socket"))
        if us:
            assert connection.call("GET", "/runs") == {"ok": True}
            assert "Bearer our-token" in other.heard
            connection.close()
            return
        monkeypatch.setattr(os, "getuid", lambda: 12345)
        with pytest.raises(ServiceException, match="another user's"):
            connection.call("GET", "/runs")
        assert set(other.heard.splitlines()) <= {"someone called"}
