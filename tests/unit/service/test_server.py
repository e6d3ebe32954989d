"""The sockets of the service: who may connect, for how long, and how many at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from trainshed.service import server as under_test
from trainshed.service.guard import KNOWN
from trainshed.service.limits import Connections
from trainshed.service.server import Listeners, Server, listening
from trainshed.system import peers


@pytest.fixture
def tmp_path(short_path: Path) -> Path:
    """All tests here have sockets in their folders."""
    return short_path


KNOWN_REQUEST = b"GET /known HTTP/1.1\r\nhost: x\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Say hello, without reading what was sent."""
    scope[KNOWN] = scope["path"] == "/known"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@contextlib.asynccontextmanager
async def serving(root: Path, most: int = 100) -> AsyncIterator[Listeners]:
    """Serve, with at most so many connections of each kind."""
    server = Server(lambda: None)
    server.server_state.tcp = Connections(most, refuse=True)
    server.server_state.unix = Connections(most, refuse=False)
    with listening(root, 0) as listeners:
        task = asyncio.create_task(server.run_until_stopped(app, listeners, lambda: None))
        yield listeners
        server.stop()
        await task


class Caller:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def at(cls, where: Listeners, local: bool) -> Caller:
        opening = (
            asyncio.open_unix_connection(where.path) if local else asyncio.open_connection("127.0.0.1", where.port)
        )
        return cls(*await opening)

    async def ask(self, request: bytes = KNOWN_REQUEST) -> bytes:
        """Return the response; nothing if the server has hung up."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            self.writer.write(request)
            return await self.reader.readuntil(b"hello")
        return b""

    async def hung_up(self) -> bool:
        """Wait until the server hangs up."""
        with contextlib.suppress(ConnectionResetError):
            return await self.reader.read() == b""
        return True

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


@pytest.mark.parametrize("local", [True, False], ids=["unix", "tcp"])
def test_one_connection_serves_many_requests(tmp_path: Path, local: bool) -> None:
    async def check() -> None:
        async with serving(tmp_path) as where:
            caller = await Caller.at(where, local)
            for _ in range(3):
                assert (await caller.ask()).startswith(b"HTTP/1.1 200")
            await caller.close()

    asyncio.run(check())


@pytest.mark.parametrize("sent", [b"", b"GET /kno", KNOWN_REQUEST + b"GET"], ids=["nothing", "a part", "the second"])
def test_a_client_that_sends_no_whole_request_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(under_test, "_HEAD_SECONDS", 0.1)

    async def check() -> None:
        async with serving(tmp_path) as where:
            caller = await Caller.at(where, local=False)
            caller.writer.write(sent)
            assert (await caller.reader.read()).endswith(b"hello" if sent.startswith(KNOWN_REQUEST) else b"")
            await caller.close()

    asyncio.run(check())


def test_an_answer_before_the_body_has_come_ends_the_connection(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path) as where:
            caller = await Caller.at(where, local=False)
            assert await caller.ask(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n" + b"x" * 1000)
            assert await caller.hung_up()
            await caller.close()

    asyncio.run(check())


@pytest.mark.parametrize("local", [True, False], ids=["unix", "tcp"])
def test_the_oldest_stranger_makes_room(tmp_path: Path, local: bool) -> None:
    async def check() -> None:
        async with serving(tmp_path, most=3) as where:
            client = await Caller.at(where, local)
            assert await client.ask()
            strangers = [await Caller.at(where, local) for _ in range(6)]
            for stranger in strangers[:4]:
                assert await stranger.hung_up()
            for caller in (client, *strangers[4:]):
                assert await caller.ask()
            for caller in (client, *strangers):
                await caller.close()

    asyncio.run(check())


def test_connections_of_one_kind_do_not_count_for_the_other(tmp_path: Path) -> None:
    async def check() -> None:
        async with serving(tmp_path, most=2) as where:
            callers = [await Caller.at(where, local) for local in (True, False, True, False)]
            for caller in callers:
                assert await caller.ask()
            for caller in callers:
                await caller.close()

    asyncio.run(check())


class Line:
    """A connection that can be dropped."""

    dropped = False

    def drop(self) -> None:
        self.dropped = True


@pytest.mark.parametrize("refuse", [True, False])
def test_busy_connections_are_never_dropped(refuse: bool) -> None:
    some, lines = Connections(2, refuse), [Line(), Line(), Line()]
    for line in lines[:2]:
        some.add(line)
        some.busy(line)
    some.add(lines[2])
    assert [line.dropped for line in lines] == [False, False, refuse]
    assert len(some) == (2 if refuse else 3)


def test_clients_are_dropped_only_if_there_is_no_stranger() -> None:
    some, client, stranger, third, fourth = Connections(2, refuse=True), Line(), Line(), Line(), Line()
    some.add(client)
    some.idle(client, client=True)
    for line in (stranger, third):
        some.add(line)
    assert (client.dropped, stranger.dropped, third.dropped) == (False, True, False)
    some.busy(third)
    some.add(fourth)
    assert (client.dropped, fourth.dropped) == (True, False)


def test_other_users_are_dropped_at_the_unix_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_test, "uid_of", lambda _: os.getuid() + 1)

    async def check() -> None:
        async with serving(tmp_path) as where:
            other = await Caller.at(where, local=True)
            assert await other.hung_up()
            stranger = await Caller.at(where, local=False)
            assert await stranger.ask()
            for caller in (other, stranger):
                await caller.close()

    asyncio.run(check())


def test_both_ends_of_a_socket_know_each_other(tmp_path: Path) -> None:
    with listening(tmp_path, 0) as listeners, socket.socket(socket.AF_UNIX) as client:
        client.connect(listeners.path)
        accepted, _ = listeners.unix.accept()
        with accepted:
            assert peers.uid_of(client) == peers.uid_of(accepted) == os.getuid()


def test_the_socket_is_the_owners_and_is_removed(tmp_path: Path) -> None:
    with listening(tmp_path, 0) as listeners:
        assert listeners.path == str(tmp_path / "service.sock")
        assert stat.S_IMODE(os.stat(listeners.path).st_mode) == 0o600
    assert not os.path.lexists(listeners.path)


def test_a_socket_of_a_dead_service_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "service.sock"))
    with listening(tmp_path, 0) as listeners, socket.socket(socket.AF_UNIX) as client:
        client.connect(listeners.path)


def test_a_workspace_with_a_long_path_has_its_socket_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, root = tmp_path / "t", tmp_path / ("long" * 30)
    folder.mkdir()
    root.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.chdir(tmp_path)
    with listening(root, 0) as listeners:
        place = Path(listeners.path).parent
        assert place.parent == folder
        assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert not list(folder.iterdir())


def test_what_a_dead_service_left_elsewhere_is_removed(tmp_path: Path) -> None:
    left, innocent = tmp_path / "trainshed-service-x", tmp_path / "trainshed-service-y"
    for folder in (left, innocent):
        folder.mkdir()
        (folder / "service.sock").touch()
    for told in (left / "service.sock", innocent / "other", 5):
        (tmp_path / "service.json").write_text(f'{{"socket": {told if told == 5 else chr(34) + str(told) + chr(34)}}}')
        with listening(tmp_path, 0):
            assert not left.exists()
    assert innocent.exists()
