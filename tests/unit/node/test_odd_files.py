"""What the node writes in a run directory: it follows no link, waits for no pipe, and goes on where it cannot write."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from odd_things import KINDS, USER, make, ordinary_user

from trainshed.errors import TrainshedError
from trainshed.node import fields, logs, script
from trainshed.node.life import Holder
from trainshed.node.rank_events import RankEvents
from trainshed.node.ranks import Ranks
from trainshed.node.run_state import RunState
from trainshed.spec import layout
from trainshed.system import files

FILES = ("sparse", "unreadable", "empty", "half", "another type", "nothing")
"""Kinds in whose place a file can be written."""


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    made = tmp_path / "run1"
    made.mkdir()
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_phase_that_cannot_be_written_is_no_end(run_dir: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    make(kind, run_dir / layout.PHASES)
    state = RunState(str(run_dir))
    state.enter("Running")
    assert state.phase == "Running"
    assert ("could not be recorded" in capsys.readouterr().err) == (kind not in FILES)


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_takes_the_place_of_anything(run_dir: Path, kind: str) -> None:
    make(kind, run_dir / layout.EXIT)
    RunState(str(run_dir)).close({"outcome": "completed"})
    assert not (run_dir / layout.EXIT).is_symlink()
    assert json.loads((run_dir / layout.EXIT).read_text())["outcome"] == "completed"
    assert [path.name for path in run_dir.iterdir()] == [layout.EXIT]


def test_a_run_that_is_canceled_while_it_is_claimed(run_dir: Path) -> None:
    (run_dir / layout.CANCEL).touch()
    code = """
import os, signal, sys
from trainshed.node.life import main
real = os.fsync
def fsync(fd):
    os.kill(os.getpid(), signal.SIGTERM)  # the claim is there, and the service has seen it
    real(fd)
os.fsync = fsync
sys.exit(main(sys.argv[1]))
"""
    assert subprocess.run([sys.executable, "-c", code, run_dir], check=False).returncode == 0
    assert json.loads((run_dir / layout.EXIT).read_text())["reason"] == "canceled_by_user"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "folder"])
def test_the_end_is_written_even_where_the_run_directory_is_gone(run_dir: Path, kind: str) -> None:
    make(kind, run_dir)
    RunState(str(run_dir)).close({"outcome": "completed"})
    assert not run_dir.is_symlink()
    assert json.loads((run_dir / layout.EXIT).read_text())["outcome"] == "completed"


def test_the_end_is_written_even_where_the_script_has_forbidden_it() -> None:
    with tempfile.TemporaryDirectory() as outer:
        if os.geteuid() == 0:
            os.chown(outer, USER, USER)
        with ordinary_user():
            run_dir = Path(outer) / "run1"
            run_dir.mkdir(mode=0)
            RunState(str(run_dir)).close({"outcome": "completed"})
            assert json.loads((run_dir / layout.EXIT).read_text())["outcome"] == "completed"


def test_a_part_is_never_something_that_was_there(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "urandom", bytes)
    part = run_dir / f".exit.json.{os.getpid()}-00000000.part"
    os.mkfifo(part)
    with pytest.raises(FileExistsError):
        files.write(str(run_dir / "exit.json"), "{}")
    os.rename(part, run_dir / f"exit.json.{os.getpid()}-00000000")
    assert not files.write_once(str(run_dir / "exit.json"), "{}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", [layout.DRIVER_LOG, layout.STD_LOG, "azureml-logs", "user_logs"])
def test_a_log_is_written_where_it_can_be(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, kind: str, place: str
) -> None:
    monkeypatch.chdir(run_dir)  # what starts a script goes to its folder, and here is put back
    make(kind, run_dir / place)
    logs.make_log(str(run_dir), layout.DRIVER_LOG, layout.STD_LOG)
    path = str(run_dir / layout.DRIVER_LOG)
    code = "print('said')"
    pid = script.start((sys.executable, "-c", code), dict(os.environ), str(run_dir), path)
    assert os.waitpid(pid, 0)[1] == 0
    hidden = {layout.DRIVER_LOG: kind not in FILES, "azureml-logs": kind not in ("folder", "nothing")}
    assert logs.tail(path, 5) == ("" if hidden.get(place) else "said\n")


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_request_is_said(run_dir: Path, kind: str) -> None:
    make(kind, run_dir / layout.SPEC)
    with pytest.raises(TrainshedError, match="was damaged"):
        Holder(RunState(str(run_dir)), "")


@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_end_of_a_rank_is_none(run_dir: Path, kind: str) -> None:
    ranks = Ranks(str(run_dir))
    make(kind, run_dir / layout.RANKS / "0.end")
    (run_dir / layout.RANKS / "1.end").write_bytes(b"rank=x\0time=\0told=\0awaited=\0")
    assert fields.read(str(run_dir / layout.RANKS / "0.end")) == {}
    assert ranks.ends() == []
    assert ranks.first_failure() is None


@pytest.mark.parametrize(
    "said",
    [b"\n", b"agent\n", b"agent x\n", b"ended 1\n", b"ended 1 x\n", b"\xff\xff 1\n", b"agent " + b"9" * 9000 + b"\n"],
)
def test_events_that_are_none_are_passed_over(run_dir: Path, said: bytes) -> None:
    events = RankEvents(str(run_dir))
    events.make()
    with contextlib.closing(events):
        os.write(events.listen(), said + b"agent 77\nended 1 0\n")
        events.read()
        assert (events.agents, events.failed) == ({77}, False)
        os.write(events._opened, b"ended 1 3\n")
        events.read()
        assert events.failed
