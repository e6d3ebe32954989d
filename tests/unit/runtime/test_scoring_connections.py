"""The connections of a web service, spoken to over real sockets."""

from __future__ import annotations

import hmac
import json
import socket
import threading
from contextlib import closing
from pathlib import Path

import pytest

from trainshed.runtime import scoring_connections
from trainshed.runtime.scoring_connections import Connections
from trainshed.runtime.scoring_counts import Counts
from trainshed.runtime.scoring_script import Script
from trainshed.runtime.scoring_server import Answers

MOST = 8
ACCESS = {
    "name": "x",
    "auth": True,
    "address": "adr",
    "keys": ["one", "two"],
    "cors": "https://lab.example, https://b.c",
}
POST = b"POST /adr/score HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> int:
    return served(tmp_path_factory.mktemp("counts"))


def served(folder: Path) -> int:
    """Answer requests in a thread, and return the port."""

    def run(data: str) -> str:
        return data.upper()

    answers = Answers(Script(run), ACCESS, Counts(str(folder)))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    listener.setblocking(False)
    connections = Connections(listener, answers.judge, answers.score, MOST)
    threading.Thread(target=connections.serve, daemon=True).start()
    return int(listener.getsockname()[1])


class Talk:
    """One connection, which is closed with the test."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.file = self.socket.makefile("rb")

    def close(self) -> None:
        self.file.close()
        self.socket.close()

    def say(self, text: bytes) -> None:
        self.socket.sendall(text)

    def hear(self) -> tuple[int, dict[str, str], bytes]:
        """Return the next answer: status, headers, body."""
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def ask(self, text: bytes) -> tuple[int, dict[str, str], bytes]:
        self.say(text)
        return self.hear()


def post(body: bytes, more: bytes = b"") -> bytes:
    return POST + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_idle_connections_keep_nobody_out(port: int) -> None:
    idle = [Talk(port) for _ in range(3 * MOST)]
    for each in idle[-MOST + 1 :]:
        assert each.ask(post(b"a"))[2] == b'"A"'
    assert idle[0].file.read() == b""  # the one that was silent for the longest has been closed
    with closing(Talk(port)) as late:
        assert late.ask(post(b"b"))[2] == b'"B"'
    assert idle[-1].ask(post(b"c"))[2] == b'"C"'  # on the same connection as before
    for each in idle:
        each.close()


def test_who_says_nothing_or_stops_in_the_middle_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_connections, "_IDLE_SECONDS", 0.05)  # it is a minute
    own = served(tmp_path)
    for said in (b"", POST[:20], POST + b"Content-Length: 3\r\n\r\na"):
        with closing(Talk(own)) as talk:
            talk.say(said)
            assert talk.file.read() == b""


def test_keys_are_compared_in_constant_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def noted(given: bytes, kept: bytes) -> bool:
        compared.append((given, kept))
        return compare(given, kept)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    with closing(Talk(port)) as talk:
        for key, status in ((b"one", 200), (b"two", 200), (b"on", 401)):
            compared.clear()
            assert talk.ask(post(b"a", b"Authorization: Bearer %s\r\n" % key).replace(b"/adr", b""))[0] == status
            assert compared[-2:] == [(key, b"one"), (key, b"two")]  # both, whichever fits
        compared.clear()
        assert talk.ask(post(b"a"))[0] == 200
        assert compared == [(b"adr", b"adr")]


def test_requests_in_pieces_and_at_once(port: int) -> None:
    with closing(Talk(port)) as talk:
        for piece in (b"POST /adr/sc", b"ore HTTP/1.1\r\nHost: localhost\r\nContent-Le", b"ngth: 3\r\n\r\na", b"b"):
            talk.say(piece)
        assert talk.ask(b"c")[2] == b'"ABC"'
        talk.say(post(b"d") + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + post(b"e"))
        assert [talk.hear()[2] for _ in range(3)] == [b'"D"', b"Healthy", b'"E"']
        talk.say(POST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
        assert talk.hear()[0] == 100
        assert talk.ask(b"f")[2] == b'"F"'
        big = b"g" * (3 << 20)
        assert talk.ask(post(big))[2] == b'"' + big.upper() + b'"'
        talk.say(post(b"h"))
        talk.socket.shutdown(socket.SHUT_WR)  # as some clients do after their last request
        assert talk.hear()[2] == b'"H"'
        assert talk.file.read() == b""
    with closing(Talk(port)) as old:
        status, headers, _ = old.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert (status, headers["connection"]) == (200, "keep-alive")
        assert old.ask(b"GET / HTTP/1.0\r\n\r\n")[1]["connection"] == "close"
        assert old.file.read() == b""


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        (b"hello\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nContent-Length : 3\r\n\r\nabc", 400),
        (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (POST + b"Content-Length: -1\r\n\r\n", 411),
        (POST + b"Content-Length: 200000000\r\n\r\n", 413),
        (b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n", 401),
        (POST + b"x: " + b"y" * 70000 + b"\r\n", 431),
    ],
)
def test_what_is_refused_at_once_ends_the_connection(port: int, request_text: bytes, status: int) -> None:
    with closing(Talk(port)) as talk:
        told, headers, body = talk.ask(request_text)
        assert (told, headers["connection"], list(json.loads(body))) == (status, "close", ["message"])
        talk.socket.shutdown(socket.SHUT_WR)
        assert talk.file.read() == b""


def test_web_pages_whose_origin_was_named_may_call(port: int) -> None:
    asked = b"OPTIONS /score HTTP/1.1\r\nHost: localhost\r\nAccess-Control-Request-Headers: authorization\r\nOrigin: "
    allowed = b"Origin: https://b.c\r\n"
    with closing(Talk(port)) as talk:
        status, headers, _ = talk.ask(asked + b"https://b.c\r\n\r\n")
        assert (status, headers["access-control-allow-origin"]) == (200, "https://b.c")
        assert headers["access-control-allow-methods"] == "GET, POST"
        assert headers["access-control-allow-headers"] == "authorization"
        status, headers, _ = talk.ask(asked + b"https://evil.example\r\n\r\n")
        assert (status, "access-control-allow-origin" in headers) == (200, False)
        status, headers, body = talk.ask(post(b"a", allowed))
        assert (status, headers["access-control-allow-origin"], body) == (200, "https://b.c", b'"A"')
        assert talk.ask(post(b"a", b"Origin: https://evil.example\r\n"))[0] == 403
        assert talk.ask(post(b"a", allowed).replace(b"/adr", b""))[0] == 401


def test_a_response_cannot_have_lines_of_its_callers() -> None:
    from trainshed.runtime.scoring_http import compose

    answer = compose(None, (200, b"x", [("a", "b\r\nSet-Cookie: c"), ("d", "e\nf")]), keep=True)
    assert b"\r\nSet-Cookie" not in answer
    assert answer.count(b"\n") == answer.count(b"\r\n") == 6
