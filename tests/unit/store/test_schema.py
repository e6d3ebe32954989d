"""The steps from the schemas of earlier releases to the present one."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from trainshed.errors import WorkspaceException
from trainshed.store import schema
from trainshed.store.database import Database

FIXTURE = Path(__file__).parents[2] / "fixtures" / "workspace_0_1_0" / "workspace.tar.gz"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The history of a workspace that release 0.1.0 made."""
    path = tmp_path / "history.db"
    with tarfile.open(FIXTURE) as archive:
        member = archive.extractfile("trainshed-home/workspaces/default/history.db")
        assert member is not None
        path.write_bytes(member.read())
    return path


def shape(path: Path) -> dict[str, object]:
    """Return all that a schema is: its statements without their layout, and the columns as SQLite has them."""
    database = sqlite3.connect(path)
    made: dict[str, object] = {}
    for kind, name, sql in database.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        text = "\n".join(line.partition("--")[0] for line in (sql or "").splitlines())
        made[f"{kind} {name}"] = "".join(text.split()).replace('"', "")
        if kind == "table":
            made[f"columns of {name}"] = database.execute(f"SELECT * FROM pragma_table_info('{name}')").fetchall()
    made["version"] = database.execute("PRAGMA user_version").fetchone()
    database.close()
    return made


def rows(path: Path) -> dict[str, int]:
    database = sqlite3.connect(path)
    tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    database.close()
    return found


def test_old_schema_and_all_steps_are_the_new_schema(old: Path, tmp_path: Path) -> None:
    before = rows(old)
    Database(old).close()
    Database(tmp_path / "new.db").close()
    assert shape(old) == shape(tmp_path / "new.db")
    kept = rows(old)
    assert {name: count for name, count in kept.items() if name in before} == {
        name: count for name, count in before.items() if name in kept
    }
    assert {count for name, count in kept.items() if name not in before} == {0}
    database = Database(old)
    assert database.check() == []
    database.close()


def test_the_number_of_the_last_step_is_that_of_the_schema() -> None:
    numbers = [int(step.name[:4]) for step in sorted(schema._MIGRATIONS.glob("*.sql"))]
    assert numbers == list(range(schema.OLDEST + 1, schema.VERSION + 1))


def test_a_copy_is_made_before_the_first_step_and_not_again(old: Path) -> None:
    content = shape(old), rows(old)
    Database(old).close()
    copy = old.with_name("history.db.format-3")
    assert (shape(copy), rows(copy)) == content
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    copy.unlink()
    Database(old).close()
    assert not copy.exists()
    assert not old.with_name("history.db.part").exists()


def test_a_newer_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    Database(path).close()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    newer.close()
    content = path.read_bytes()
    with pytest.raises(WorkspaceException, match=r"created by a newer Trainshed.*pip install --upgrade trainshed"):
        Database(path)
    assert path.read_bytes() == content
    assert sorted(file.name for file in tmp_path.iterdir()) == ["history.db", "history.db.reserve"]


def test_a_step_that_fails_changes_nothing(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = tmp_path / "steps"
    steps.mkdir()
    (steps / "0004_half.sql").write_text("ALTER TABLE runs ADD COLUMN native_id TEXT; DROP TABLE absent;")
    before = shape(old), rows(old)
    with monkeypatch.context() as patched:
        patched.setattr(schema, "_MIGRATIONS", steps)
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            Database(old)
    assert (shape(old), rows(old)) == before
    Database(old).close()  # the next service, with a step that is right, goes on from there


KILLED = """
import os, sqlite3, sys
from pathlib import Path
from trainshed.store import schema
from trainshed.store.database import Database

at, path = int(sys.argv[1]), Path(sys.argv[2])
connect, seen = sqlite3.connect, 0

class Killing(sqlite3.Connection):
    def execute(self, *args):
        die()
        return super().execute(*args)
    def executescript(self, script):
        die()
        # Half of a step: what was begun is never committed.
        if seen == at - 1:
            super().executescript(script.rpartition("COMMIT;")[0])
        die()
        super().executescript(script)
        die()
    def backup(self, target):
        die()
        super().backup(target)
        die()

def die():
    global seen
    seen += 1
    if seen == at:
        os.kill(os.getpid(), 9)

sqlite3.connect = lambda *args, **kwargs: connect(*args, **{"factory": Killing, **kwargs})
Database(path).close()
"""


def test_killed_at_any_point_leaves_the_old_or_the_new(old: Path, tmp_path: Path) -> None:
    content = old.read_bytes()
    formats = set()
    for at in range(1, 100):
        for left in tmp_path.glob("history.db*"):
            left.unlink()
        old.write_bytes(content)
        ended = subprocess.run([sys.executable, "-c", KILLED, str(at), str(old)], check=False)
        if ended.returncode == 0:
            break
        assert ended.returncode == -signal.SIGKILL
        formats.add(shape(old)["version"])
        database = Database(old)
        assert database.check() == []
        database.close()
        assert shape(old)["version"] == (schema.VERSION,)
    assert formats >= {(schema.OLDEST,), (schema.VERSION,)}
    assert os.path.exists(old.with_name("history.db.format-3"))
