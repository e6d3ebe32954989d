from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from service_python import PYTHON

from trainshed.errors import NotFoundException
from trainshed.node.code import materialise
from trainshed.node.layers import merge
from trainshed.node.run_state import RunState
from trainshed.node.variables import expand, inherited

STORING = Path(__file__).parents[2] / "support" / "store_snapshot.py"


def test_only_our_own_names_are_expanded() -> None:
    known = {"AZUREML_DATAREFERENCE_d": "/data", "AZ_BATCHAI_TASK_INDEX": "3", "HOME": "/root"}
    given = ["$AZUREML_DATAREFERENCE_d/x", "${AZ_BATCHAI_TASK_INDEX}", "$HOME", "~", "*", "$AZUREML_NOPE", "a b\n'"]
    assert expand(given, known) == ("/data/x", "3", "$HOME", "~", "*", "$AZUREML_NOPE", "a b\n'")


def test_what_belongs_to_the_service_is_not_inherited() -> None:
    environ = {"PATH": "/bin", "PYTHONPATH": "/x", "VIRTUAL_ENV": "/v", "AZUREML_RUN_ID": "other", "HOME": "/root"}
    assert inherited(environ) == {"PATH": "/bin", "HOME": "/root"}


def test_paths_are_put_in_front() -> None:
    merged = merge({"PATH": "/bin", "A": "1"}, {"PATH": "/env/bin", "A": "2"}, {"PYTHONPATH": "/tree"})
    assert merged == {"PATH": "/env/bin:/bin", "A": "2", "PYTHONPATH": "/tree"}


def _snapshot(root: Path) -> str:
    """Store a snapshot with the Python of a service, which is a newer one than this may be."""
    done = subprocess.run([PYTHON, STORING, root], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def test_code_is_a_copy(tmp_path: Path) -> None:
    tree = _snapshot(tmp_path / "snapshots")
    for attempt in ("one", "two"):
        into = tmp_path / attempt
        materialise(str(tmp_path / "snapshots"), tree, str(into))
        assert (into / "train.py").read_text() == "print('hi')\n" * 10
        assert stat.S_IMODE((into / "bin" / "tool").stat().st_mode) & 0o100
        assert (into / "empty").is_dir()
        assert os.readlink(into / "link") == "bin/tool"
        # A script may write to its own files: no other run may see it.
        (into / "train.py").write_text("changed")


def test_lost_snapshot_is_said(tmp_path: Path) -> None:
    tree = _snapshot(tmp_path / "snapshots")
    with pytest.raises(NotFoundException, match="Submit the run again"):
        materialise(str(tmp_path / "snapshots"), "0" * 64, str(tmp_path / "code"))
    pack = next((tmp_path / "snapshots" / "packs").iterdir())
    pack.chmod(0o600)
    pack.write_bytes(pack.read_bytes()[:-1])
    with pytest.raises(NotFoundException, match="pack of the snapshot store is incomplete"):
        materialise(str(tmp_path / "snapshots"), tree, str(tmp_path / "short"))
    pack.unlink()
    with pytest.raises(NotFoundException, match="missing from the snapshot store"):
        materialise(str(tmp_path / "snapshots"), tree, str(tmp_path / "code"))


def test_a_run_is_claimed_once(tmp_path: Path) -> None:
    assert RunState(str(tmp_path)).claim()
    assert not RunState(str(tmp_path)).claim()
    assert json.loads((tmp_path / "shim.json").read_text())["pid"] == os.getpid()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exit.room", "shim.json"]


def test_the_end_is_written_whole(tmp_path: Path) -> None:
    state = RunState(str(tmp_path))
    state.enter("Running", pids=[1])
    state.close({"outcome": "completed"})
    how = json.loads((tmp_path / "exit.json").read_text())
    assert (how["outcome"], how["phase"]) == ("completed", "Running")
    assert json.loads((tmp_path / "phases.jsonl").read_text())["phase"] == "Running"
