"""Room on the disk for how runs end, and what the history says when it is full, empty, lost or damaged."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trainshed.errors import ServiceException, WorkspaceException
from trainshed.spec.run import RunSpec
from trainshed.store import reserve
from trainshed.store.database import Database
from trainshed.store.history import History
from trainshed.store.reserve import LAST, SIZE, Reserve

RECORD = "INSERT INTO records (kind, name, record) VALUES ('k', ?, ?)"
SPEC = RunSpec(experiment="e", command=("true",))


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The free bytes of every disk, as the test sets them."""
    told = [100 * SIZE]
    monkeypatch.setattr(reserve, "_free", lambda _: told[0])
    return told


@pytest.mark.usefixtures("free")
def test_the_room_is_really_occupied(tmp_path: Path) -> None:
    kept = Reserve(tmp_path / "r")
    assert kept.keep()
    facts = (tmp_path / "r").stat()
    assert facts.st_size == SIZE
    assert facts.st_blocks * 512 >= SIZE
    assert facts.st_mode & 0o777 == 0o600


def test_most_is_given_first_and_the_rest_if_it_is_urgent(tmp_path: Path, free: list[int]) -> None:
    kept = Reserve(tmp_path / "r")
    assert kept.keep()
    free[0] = 0
    assert not kept.keep()  # it is kept, and there is room for nothing else
    assert [kept.give(urgent=False), kept.give(urgent=False)] == [True, False]
    assert (tmp_path / "r").stat().st_size == LAST
    assert not Reserve(tmp_path / "r").keep()  # a later service knows how much is left
    assert [kept.give(urgent=True), kept.give(urgent=True)] == [True, False]
    assert (tmp_path / "r").stat().st_size == 0
    free[0] = SIZE + LAST
    assert not kept.keep()  # it would take most of what has become free
    free[0] = 2 * SIZE
    assert kept.keep()
    assert (tmp_path / "r").stat().st_size == SIZE


@pytest.mark.parametrize(("code", "room"), [(errno.ENOSPC, False), (errno.EDQUOT, False), (errno.EOPNOTSUPP, True)])
@pytest.mark.usefixtures("free")
def test_a_disk_that_cannot_keep_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, room: bool) -> None:
    def fails(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", fails)
    assert Reserve(tmp_path / "r").keep() is room


def test_new_runs_are_refused_while_the_disk_is_full(tmp_path: Path, free: list[int]) -> None:
    database = Database(tmp_path / "h.db")
    history = History(database)
    free[0] = 0
    with pytest.raises(ServiceException, match=r"The disk of .* is full.*trainshed gc"):
        history.create_run("a", "a", SPEC, 1.0)
    assert history.list_runs() == []
    free[0] = 100 * SIZE
    assert history.create_run("a", "a", SPEC, 1.0)["status"] == "Queued"
    database.close()


@pytest.mark.parametrize(("durable", "left"), [(False, LAST), (True, 0)])
@pytest.mark.usefixtures("free")
def test_a_full_history_makes_room_for_the_next_attempt(tmp_path: Path, durable: bool, left: int) -> None:
    database = Database(tmp_path / "h.db")
    with database.transaction() as write:
        pages = write.execute("PRAGMA page_count").fetchone()[0]
        write.execute(f"PRAGMA max_page_count = {pages}")
    told = []
    for _ in range(2):
        with pytest.raises(ServiceException, match="disk is full") as caught:
            database.execute(RECORD, ("a", "x" * 100_000), durable=durable)
        told.append(caught.value.details.get("again"))
    assert told == [True, None]
    assert (tmp_path / "h.db.reserve").stat().st_size == left
    database.close()


def test_a_service_that_starts_on_a_full_disk_has_room(tmp_path: Path, free: list[int]) -> None:
    Database(tmp_path / "h.db").close()
    free[0] = 0
    Database(tmp_path / "h.db").close()
    assert (tmp_path / "h.db.reserve").stat().st_size == LAST


def no_file(_: Path) -> None: ...


def empty(path: Path) -> None:
    path.touch()


def only_a_header(path: Path) -> None:
    made = sqlite3.connect(path)
    made.execute("PRAGMA journal_mode = WAL")
    made.close()


@pytest.mark.parametrize("lose", [no_file, empty, only_a_header])
def test_a_lost_history_is_not_begun_anew_beside_its_runs(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    path = tmp_path / "history.db"
    lose(path)
    (tmp_path / "runs" / "e_1").mkdir(parents=True)
    (tmp_path / "runs" / "e_1" / "spec.json").touch()
    content = path.read_bytes() if path.exists() else None
    for _ in range(2):
        with pytest.raises(WorkspaceException, match=r"history\.db is (empty|missing).* Restore it from a backup"):
            Database(path)
        assert (path.read_bytes() if path.exists() else None) == content
    (tmp_path / "runs").rename(tmp_path / "old runs")
    Database(path).close()


def test_folders_that_are_no_runs_hinder_nobody(tmp_path: Path) -> None:
    (tmp_path / "runs" / ".trash").mkdir(parents=True)
    (tmp_path / "runs" / "file").touch()
    Database(tmp_path / "history.db").close()


def test_a_damaged_history_is_said_in_one_sentence(tmp_path: Path) -> None:
    database = Database(tmp_path / "h.db")
    for name in range(200):
        database.execute(RECORD, (f"n{name}", "x" * 1000))
    database.close()
    with open(tmp_path / "h.db", "r+b") as file:
        file.seek(4096)
        file.write(os.urandom((tmp_path / "h.db").stat().st_size - 4096))
    with pytest.raises(WorkspaceException, match=r"h\.db cannot be used as a database.*Restore it from a copy"):
        Database(tmp_path / "h.db")


def test_nothing_but_the_file_is_left_when_it_is_closed(tmp_path: Path) -> None:
    database = Database(tmp_path / "h.db")
    database.execute(RECORD, ("a", "{}"))
    assert database.column("SELECT name FROM records") == ["a"]
    database.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h.db", "h.db.reserve"]


def test_a_repeated_submit_is_flushed_too(tmp_path: Path) -> None:
    """The first may have been stored by a service that was killed before it had flushed it."""
    database = Database(tmp_path / "h.db")
    history = History(database)
    history.create_run("a", "same", SPEC, 1.0)
    before = (tmp_path / "h.db-wal").stat().st_size
    assert history.create_run("b", "same", SPEC, 2.0)["id"] == "a"
    assert (tmp_path / "h.db-wal").stat().st_size > before  # SQLite flushes at a commit that has written something
    database.close()


def test_a_damaged_row_hides_no_other(tmp_path: Path) -> None:
    database = Database(tmp_path / "h.db")
    history = History(database)
    for name in ("a", "b"):
        history.create_run(name, name, SPEC, 1.0)
    database.execute("UPDATE runs SET details = '{', tags = '[1' WHERE id = 'a'")
    assert [record["id"] for record in history.list_runs()] == ["b", "a"]
    assert [record["id"] for record in history.queued("local", limit=9)] == ["a", "b"]
    assert history.move("a", "Failed", reason="start_failed", now=2.0, details={"error": {"message": "why"}})
    assert history.get("a")["details"] == {"error": {"message": "why"}}
    database.close()
