"""A service that is killed while it removes: what is there is whole, and the next collection finishes the work."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from trainshed.service.garbage import GarbageCollector, Request
from trainshed.service.garbage_elsewhere import GarbageElsewhere
from trainshed.store.database import Database
from trainshed.store.files import Files
from trainshed.store.history import History
from trainshed.store.removal import Removal
from trainshed.store.snapshots import Snapshots

FIXTURE = Path(__file__).parents[1] / "fixtures" / "workspace_0_1_0"

REMOVING = """
import os, sys
from pathlib import Path
from test_removal_faults import opened
from trainshed.service.garbage_elsewhere import GarbageElsewhere
from trainshed.service.garbage import Request
from trainshed.store.removal import Limits

at, root, work = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
database, collector = opened(root)
seen = 0

def audit(event, args):
    global seen
    if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"):
        seen += 1
        if seen == at:
            os.kill(os.getpid(), 9)

sys.addaudithook(audit)
if work == "rm":
    parent = database.one("SELECT parent FROM runs WHERE parent IS NOT NULL")[0]
    collector.remove_run(parent, children=True)
else:
    for _ in collector.collect(Request(Limits(keep=1))):
        pass
"""


def opened(root: Path) -> tuple[Database, GarbageCollector]:
    """Open a workspace as the service does, without its processes."""
    database = Database(root / "history.db")
    runtime = root.parents[1] / "runtime" / "tree"
    runtime.mkdir(parents=True, exist_ok=True)
    snapshots = Snapshots(root / "snapshots", database)
    removal = Removal(database, History(database))
    far = GarbageElsewhere(dict, History(database))
    discard = lambda run_id, target: None  # noqa: E731
    return database, GarbageCollector(root, root.parents[1], removal, snapshots, runtime, discard, far)


def check_whole(root: Path, database: Database) -> None:
    """Whatever the history says is there, is there."""
    assert database.check() == []
    snapshots = Snapshots(root / "snapshots", database)
    for run in History(database).list_runs():
        for file in Files(database).list(run["id"]):
            assert Path(root / "runs" / run["id"] / place_of(file["name"])).stat().st_size == file["size"]
        if snapshot := History(database).get(run["id"])["spec"]["snapshot"]:
            for entry, content in snapshots.files(snapshot):
                assert len(b"".join(content)) == entry["size"]
    for model in database.column("SELECT json_extract(record, '$.folder') FROM catalog WHERE kind = 'model'"):
        assert any((root / "models" / model).iterdir())
    for sha, (pack, _, _) in snapshots.packs.places(database.column("SELECT sha256 FROM contents")).items():
        assert (root / "snapshots" / "packs" / pack).is_file(), sha


def place_of(name: str) -> str:
    from trainshed.spec import layout

    return layout.DRIVER_LOG if name == layout.STD_LOG else layout.place_of(name)


@pytest.mark.parametrize(("work", "runs"), [("rm", 5), ("gc", 4)])
def test_killed_at_any_step(tmp_path: Path, work: str, runs: int) -> None:
    with tarfile.open(FIXTURE / "workspace.tar.gz") as archive:
        archive.extractall(tmp_path, filter="tar")
    original = tmp_path / "trainshed-home"
    root = original / "workspaces" / "default"
    database, collector = opened(root)
    check_whole(root, database)
    collector.close()
    database.close()
    for path in (*root.glob("snapshots/trees/*"), *root.glob("snapshots/packs/*")):
        os.utime(path, (1.0, 1.0))
    argv = [sys.executable, "-c", REMOVING]
    killed = 0
    for at in range(1, 1000, 4 if work == "gc" else 2):
        home = tmp_path / "copy"
        shutil.copytree(original, home, symlinks=True, ignore=lambda folder, names: [n for n in names if n == "news"])
        root = home / "workspaces" / "default"
        ended = subprocess.run([*argv, str(at), str(root), work], cwd=Path(__file__).parent, check=False)
        database, collector = opened(root)
        check_whole(root, database)
        for _ in collector.collect(Request()):
            pass
        check_whole(root, database)
        known = {run["id"] for run in History(database).list_runs()}
        assert {path.name for path in (root / "runs").iterdir()} - {".trash"} == known
        for trash in home.rglob(".trash"):
            assert list(trash.iterdir()) == []
        collector.close()
        database.close()
        shutil.rmtree(home)
        if ended.returncode == 0:
            assert len(known) == runs
            break
        assert ended.returncode == -signal.SIGKILL
        killed += 1
    assert killed > 5
