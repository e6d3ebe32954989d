"""Files on the web: downloaded once, resumed where the connection was cut off, and again when they have changed."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from web_server import WebServer, web_server

from trainshed.data import web
from trainshed.data.addresses import checked, is_address, relative, shown
from trainshed.errors import NotFoundException, UserErrorException

CONTENT = b"".join(b"%d,%d\n" % (number, number * number) for number in range(100_000))

if TYPE_CHECKING:
    Fetch = Callable[..., Path]  # not for Python 3.8


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as made:
        made.files["/data/squares.csv"] = CONTENT
        yield made


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def fetch(tmp_path: Path, server: WebServer, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Fetch:
    """What fetches a file of the server, the same one each time."""
    monkeypatch.setattr(web, "_PAUSES", (0.0, 0.0))
    address = server.url("/data/squares.csv")
    return lambda go_on=lambda: None: Path(web.fetch(address, str(tmp_path / "web"), said.append, go_on))


def test_a_file_is_downloaded_once(server: WebServer, fetch: Fetch, said: list[str]) -> None:
    path = fetch()
    assert path.name == "squares.csv"
    assert path.read_bytes() == CONTENT
    assert said == [f"Downloading {server.url('/data/squares.csv')} (1.6 MB)"]
    assert fetch() == path
    assert [status for _, _, status in server.requests] == [200, 304]
    assert len(said) == 1


def test_a_file_that_has_changed_is_downloaded_again_and_the_older_one_kept(server: WebServer, fetch: Fetch) -> None:
    first = fetch()
    server.files["/data/squares.csv"] = b"new"
    second = fetch()
    assert (first.read_bytes(), second.read_bytes()) == (CONTENT, b"new")
    assert first.name == second.name


def test_a_download_that_is_cut_off_goes_on_where_it_ended(server: WebServer, fetch: Fetch, said: list[str]) -> None:
    server.cut = [300_000, 400_000]
    assert fetch().read_bytes() == CONTENT
    assert [(wanted, status) for _, wanted, status in server.requests] == [
        (None, 200),
        ("bytes=300000-", 206),
        ("bytes=700000-", 206),
    ]
    assert sum("the connection ended after" in line for line in said) == 2


def test_a_long_download_says_how_far_it_is(fetch: Fetch, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_BETWEEN_LINES", -1.0)  # as if each piece took long
    fetch()
    told = [re.fullmatch(r"http:.*/data/squares\.csv: (.*) of 1\.6 MB downloaded", line) for line in said[1:]]
    assert told[-1]
    assert told[-1][1] == "1.6 MB"


def test_a_download_that_was_ended_is_resumed_by_the_next_one(server: WebServer, fetch: Fetch) -> None:
    pieces = iter(range(2))

    def end() -> None:
        if next(pieces, None) is None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(end)
    assert fetch().read_bytes() == CONTENT
    (_, first, _), (_, second, status) = server.requests
    assert (first, status) == (None, 206)
    assert second not in (None, "bytes=0-")


@pytest.mark.parametrize("etags", [True, False])
def test_a_file_that_changes_in_the_middle_is_downloaded_from_its_start(
    server: WebServer, fetch: Fetch, etags: bool
) -> None:
    server.etags = etags
    server.cut = [300_000]

    def change() -> None:
        server.files["/data/squares.csv"] = CONTENT[::-1]

    assert fetch(change).read_bytes() == CONTENT[::-1]
    assert server.requests[-1][2] == 200


def test_a_server_that_is_busy_is_asked_again(server: WebServer, fetch: Fetch) -> None:
    server.statuses = [503, 429]
    assert fetch().read_bytes() == CONTENT


def test_what_is_kept_is_used_where_the_server_cannot_be_reached(
    server: WebServer, fetch: Fetch, said: list[str]
) -> None:
    path = fetch()
    server.statuses = [500] * 3
    assert fetch() == path
    assert said[-1].endswith(
        "the server answers 500 Internal Server Error. The file that was downloaded before is used."
    )
    del server.files["/data/squares.csv"]
    assert fetch() == path


def test_what_somebody_has_written_to_is_downloaded_again(server: WebServer, fetch: Fetch) -> None:
    path = fetch()
    path.write_bytes(b"spoilt")
    assert fetch().read_bytes() == CONTENT
    path.unlink()
    assert fetch().read_bytes() == CONTENT


def test_a_file_that_the_server_packs_is_unpacked(server: WebServer, fetch: Fetch) -> None:
    server.packed = True
    server.cut = [100_000]
    path = fetch()
    assert path.read_bytes() == CONTENT
    assert fetch() == path


def test_an_empty_file(server: WebServer, fetch: Fetch) -> None:
    server.files["/data/squares.csv"] = b""
    assert fetch().read_bytes() == b""
    assert fetch().read_bytes() == b""


def test_two_at_once_download_it_once(server: WebServer, fetch: Fetch) -> None:
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(fetch())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert sorted(status for _, _, status in server.requests) == [200, 304, 304, 304]


def test_errors_say_what_is_wrong(server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_PAUSES", ())
    root = str(tmp_path / "web")
    web.check(server.url("/data/squares.csv"), root)
    assert not os.path.exists(root), "nothing is kept of a check"
    with pytest.raises(NotFoundException, match=r"^There is no file at http:.*/nope \(404 Not Found\). Correct the"):
        web.check(server.url("/nope?key=secret"), root)
    server.statuses = [403]
    with pytest.raises(UserErrorException, match=r"^The server does not give http:.*csv \(403 Forbidden\). Download"):
        web.fetch(server.url("/data/squares.csv?key=secret"), root, print)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        other = f"http://127.0.0.1:{deaf.getsockname()[1]}/other"
        with pytest.raises(UserErrorException, match=r"/other cannot be downloaded: Connection refused\.$"):
            web.fetch(other, root, print)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ftp://example.com/a.csv", "'ftp://example.com/a.csv' cannot be read: only http:// and https:// addresses"),
        ("wasbs://box@there.example.com/a", "cannot be read: only http"),
        ("https:///a.csv", "has no host name"),
        ("https://example.com:nope/a.csv", "is not a valid web address"),
        ("https://me:secret@example.com/a.csv", "The address of a file on example.com contains a user name"),
        ("https://example.com/*.csv?key=secret", "'https://example.com/*.csv' contains a '*'"),
    ],
)
def test_addresses_that_are_refused(address: str, message: str) -> None:
    assert is_address(address)
    with pytest.raises(UserErrorException, match=re.escape(message)) as told:
        checked(address)
    assert "secret" not in str(told.value)


def test_addresses() -> None:
    assert not any(map(is_address, ["data/a.csv", "/data/a.csv", "file:///data/a.csv", "a:b"]))
    assert checked("https://example.com/ä b.csv?a=b#c") == "https://example.com/%C3%A4%20b.csv?a=b"
    assert checked(checked("https://example.com/a b%2Bc.csv")) == "https://example.com/a%20b%2Bc.csv"
    assert relative("HTTPS://Example.com/../a/%2e%2e/b.csv?a=b") == "https/example.com/a/b.csv"
    assert relative("https://example.com") == "https/example.com/index"
    assert shown("https://example.com/a?key=secret") == "https://example.com/a"
