from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed.errors import ServiceException, UserErrorException, WorkspaceException
from trainshed.store import database as module
from trainshed.store.database import Database, file_system

EVENT = "INSERT INTO run_events (run, time, status, terminal) VALUES (?, 1.0, 'Queued', 0)"
RECORD = "INSERT INTO records (kind, name, record) VALUES ('k', ?, ?)"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "below" / "h.db")
    yield made
    made.close()


@pytest.mark.parametrize(("version", "sentence"), [(99, "newer Trainshed"), (1, "before its first release")])
def test_other_formats_are_refused(tmp_path: Path, version: int, sentence: str) -> None:
    made = Database(tmp_path / "h.db")
    with made.transaction() as write:
        write.execute(f"PRAGMA user_version = {version}")
    made.close()
    with pytest.raises(WorkspaceException, match=sentence):
        Database(tmp_path / "h.db")


def test_database_is_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "below" / "h.db"
    path.parent.mkdir(mode=0o700)
    path.touch(0o644)
    database = Database(path)
    database.execute(RECORD, ("a", "{}"))
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    database.close()


def test_its_folder_is_for_its_owner(database: Database, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "below").stat().st_mode) == 0o700


def test_a_failed_commit_does_not_block_the_next(database: Database) -> None:
    def write_what_cannot_be() -> None:
        with database.transaction(durable=True) as write:
            write.execute("PRAGMA defer_foreign_keys = ON")
            write.execute(EVENT, ("nobody",))

    with pytest.raises(sqlite3.IntegrityError):
        write_what_cannot_be()
    assert database.execute(RECORD, ("a", "{}")) == 1
    assert database.check() == []


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    def write_and_fail() -> None:
        with database.transaction() as write:
            write.execute(RECORD, ("a", "{}"))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert database.column("SELECT count(*) FROM records") == [0]


def test_a_transaction_has_the_lock_from_its_beginning(database: Database, tmp_path: Path) -> None:
    with (
        database.transaction() as write,
        contextlib.closing(sqlite3.connect(tmp_path / "below" / "h.db", timeout=0)) as other,
    ):
        write.execute("SELECT count(*) FROM runs").fetchone()
        # Else somebody could write between what is read here and what is written because of it.
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_no_space_left_is_said_and_passes(database: Database) -> None:
    with database.transaction() as write:
        pages = write.execute("PRAGMA page_count").fetchone()[0]
        write.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ServiceException, match=r"disk is full.*Free space"):
        database.execute(RECORD, ("a", "x" * 100_000), durable=True)
    with database.transaction() as write:
        write.execute("PRAGMA max_page_count = 1000000")
    assert database.execute(RECORD, ("a", "x" * 100_000), durable=True) == 1


@pytest.mark.parametrize("value", ["\ud800", 2**63])
def test_values_that_cannot_be_stored(database: Database, value: object) -> None:
    with pytest.raises(UserErrorException, match="cannot be stored"):
        database.execute(RECORD, ("a", value))
    with pytest.raises(UserErrorException, match="cannot be stored"):
        database.all("SELECT 1 FROM records WHERE name = ?", (value,))


def test_a_reader_sees_what_is_committed_and_no_more(database: Database) -> None:
    with database.transaction() as write:
        write.execute(RECORD, ("a", "{}"))
        assert database.column("SELECT name FROM records") == []
    assert database.column("SELECT name FROM records") == ["a"]
    assert database.tuples("SELECT name, kind FROM records") == [("a", "k")]


def test_threads_that_come_and_go_leave_nothing_open(database: Database) -> None:
    for _ in range(30):
        thread = threading.Thread(target=database.all, args=("SELECT 1",))
        thread.start()
        thread.join()
    descriptors = [os.readlink(f"/dev/fd/{fd}") for fd in os.listdir("/dev/fd") if os.path.islink(f"/dev/fd/{fd}")]
    assert 1 <= len([name for name in descriptors if name.endswith("h.db")]) <= 3


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h.db").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(WorkspaceException, match="cannot be used as a database"):
        Database(tmp_path / "h.db")


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_lost_history_is_not_begun_anew(tmp_path: Path, is_empty: bool) -> None:
    path, run = tmp_path / "history.db", tmp_path / "runs" / "e_1"
    run.mkdir(parents=True)
    Database(path).close()
    path.write_bytes(b"") if is_empty else path.unlink()
    Database(path).close()  # no run yet
    (run / "spec.json").write_text("{}")
    Database(path).close()
    path.write_bytes(b"") if is_empty else path.unlink()
    with pytest.raises(WorkspaceException, match=r"history\.db is (empty|missing), but there are runs in "):
        Database(path)


def test_damage_is_found(tmp_path: Path) -> None:
    database = Database(tmp_path / "h.db")
    for name in range(200):
        database.execute(RECORD, (f"n{name}", "x" * 1000))
    database.close()
    with open(tmp_path / "h.db", "r+b") as file:
        file.seek(-3 * 4096, os.SEEK_END)
        file.write(os.urandom(2 * 4096))
    database = Database(tmp_path / "h.db")
    assert database.check()
    database.close()


MOUNTS = """\
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
22 21 0:5 / /home rw shared:1 - nfs4 server:/home rw
23 22 0:6 / /home/me/my\\040disk rw - xfs /dev/sdb rw
24 22 0:7 / /mnt/over rw - ext4 /dev/sdc rw
25 22 0:8 / /mnt/over rw - fuse.sshfs me@host: rw
a line that is none
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv", "ext4"),
        ("/home", "nfs4"),
        ("/homely", "ext4"),
        ("/home/me/x", "nfs4"),
        ("/home/me/my disk/x", "xfs"),
        ("/mnt/over/x", "fuse.sshfs"),
    ],
)
def test_the_file_system_of_a_folder(folder: str, kind: str) -> None:
    assert file_system(folder, MOUNTS) == kind


def test_network_file_systems_are_refused_unless_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mounts").write_text("1 0 0:5 / / rw - nfs4 server:/ rw\n")
    monkeypatch.setattr(module, "_MOUNTS", tmp_path / "mounts")
    monkeypatch.delenv("TRAINSHED_ALLOW_NETWORK_FS", raising=False)
    with pytest.raises(WorkspaceException, match=r"network file system \(nfs4\)"):
        Database(tmp_path / "h.db")
    monkeypatch.setenv("TRAINSHED_ALLOW_NETWORK_FS", "1")
    Database(tmp_path / "h.db").close()
