"""A record of a run that is not whole, or has a value of another type, is as good as none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from odd_things import KINDS, make

from trainshed.machines import records
from trainshed.machines.agent import Agent
from trainshed.machines.machine import ABSENT, ALIVE, ENDED, LOST
from trainshed.machines.shims import Shims
from trainshed.spec import layout
from trainshed.system import process
from trainshed.targets.witness import Witness

GONE = {"pid": 4_000_000, "start": "1", "boot": "x"}
ENDED_WELL = {"outcome": "completed", "reason": "exit", "message": "", "phase": "Running", "time": 1.5}


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    monkeypatch.setattr(Shims, "_make_spare", lambda _: None)  # nothing is started here
    made = Agent(str(tmp_path), {"home": str(tmp_path), "runtime": "", "sites": []}, lambda _: None)
    (tmp_path / "runs" / "run1").mkdir()
    yield made
    made.close()


def several(name: str, *values: Any) -> list[tuple[str, Any]]:
    """Return a name with each of several values."""
    return [(name, value) for value in values]


def write(folder: Path, name: str, record: Any) -> None:
    (folder / name).write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *several("pid", "x", None, True, -1, 0, 1, 1.5, [], 10**30),
        *several("start", 1, None, {}),
        *several("boot", 1, None, []),
    ],
)
def test_a_shim_of_another_type_is_none(tmp_path: Path, name: str, value: Any) -> None:
    write(tmp_path, layout.SHIM, GONE)
    assert records.shim(str(tmp_path)) == records.owner(str(tmp_path)) == GONE
    write(tmp_path, layout.SHIM, {**GONE, name: value})
    assert records.shim(str(tmp_path)) == records.owner(str(tmp_path)) == {}
    write(tmp_path, layout.SHIM, {key: each for key, each in GONE.items() if key != name})
    assert records.shim(str(tmp_path)) == records.owner(str(tmp_path)) == {}


@pytest.mark.parametrize("owner", [{"run": "a"}, {"elsewhere": GONE}])
def test_a_program_may_be_elsewhere(tmp_path: Path, owner: dict[str, Any]) -> None:
    write(tmp_path, layout.SHIM, owner)
    assert records.owner(str(tmp_path)) == owner
    write(tmp_path, layout.SHIM, {**owner, "run": 1, "pid": 5})
    assert records.owner(str(tmp_path)) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *several("outcome", "done", 1, None, []),
        *several("reason", "because", 1, None, []),
        *several("message", 1, None, []),
        *several("phase", 1, None, {}),
        *several("time", "x", None, True, float("nan"), float("inf"), -1, 10**400),
        *several("exit_code", "0", 1.5, True, 10**30),
        *several("signal", "9", []),
        *several("leftovers", "1", {}),
        *several("environment", "x", []),
        *several("warnings", "x", [1], {}, None),
        *several("rank", 1, []),
        *several("log", 1, None),
    ],
)
def test_an_end_of_another_type_is_none(tmp_path: Path, name: str, value: Any) -> None:
    write(tmp_path, layout.EXIT, {**ENDED_WELL, "exit_code": 0, "signal": None, "warnings": ["x"]})
    assert records.exit_of(str(tmp_path))["exit_code"] == 0
    write(tmp_path, layout.EXIT, {**ENDED_WELL, name: value})
    assert records.exit_of(str(tmp_path)) == {}


@pytest.mark.parametrize("name", sorted(ENDED_WELL))
def test_an_end_that_says_less_is_none(tmp_path: Path, name: str) -> None:
    write(tmp_path, layout.EXIT, {key: each for key, each in ENDED_WELL.items() if key != name})
    assert records.exit_of(str(tmp_path)) == {}


@pytest.mark.parametrize("record", [{"names": "x"}, {"kind": 1, "path": "x", "names": []}, {"kind": "x", "names": [1]}])
def test_containers_of_another_type_are_none(tmp_path: Path, record: dict[str, Any]) -> None:
    write(tmp_path, layout.CONTAINER, record)
    assert records.containers(str(tmp_path)) == {}


@pytest.mark.parametrize(
    "event", [{}, {"phase": "Running"}, {"phase": 1, "time": 1}, {"phase": "x", "time": float("nan")}]
)
def test_an_event_of_another_type_is_no_phase(event: dict[str, Any]) -> None:
    assert not records.is_phase(event)
    assert records.is_phase({"phase": "Running", "time": 1})


@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_claim_is_still_a_claim(agent: Agent, tmp_path: Path, kind: str) -> None:
    run_dir = tmp_path / "runs" / "run1"
    make(kind, run_dir / layout.SHIM)
    there = kind != "nothing"
    assert agent.look(["run1"])["run1"].state == (LOST if there else ABSENT)
    ours = process.identity(1)
    assert ours is not None
    assert agent.look({"run1": f"1:{ours['start']}"})["run1"].state == (ALIVE if there else ABSENT)
    assert agent.look({"run1": "4000000:1"})["run1"].state == (LOST if there else ABSENT)
    agent.end(["run1"])
    assert (run_dir / layout.CANCEL).exists()
    write(run_dir, layout.EXIT, ENDED_WELL)
    assert agent.look(["run1"])["run1"].state == ENDED


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [layout.EXIT, layout.CANCEL, layout.CONTAINER, layout.REGISTRY_SECRET])
def test_an_odd_record_hinders_neither_a_look_nor_an_end(agent: Agent, tmp_path: Path, kind: str, name: str) -> None:
    run_dir = tmp_path / "runs" / "run1"
    write(run_dir, layout.SHIM, GONE)
    make(kind, run_dir / name)
    assert agent.look(["run1"])["run1"].state == LOST
    agent.end(["run1"])
    assert agent.look(["run1"])["run1"].state == LOST
    agent.remove("run1")
    assert not run_dir.exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", [layout.JOURNAL, layout.DRIVER_LOG, "code/outputs/odd", "code/logs", "outbox/store", "code"]
)
def test_what_is_odd_is_never_fetched_and_told_at_the_end(agent: Agent, tmp_path: Path, kind: str, name: str) -> None:
    run_dir = tmp_path / "runs" / "run1"
    make(kind, run_dir / name)
    (run_dir / "artifacts").mkdir()
    (run_dir / "artifacts" / "good").write_text("good")
    for digests in (False, True):
        told = agent.files("run1", digests)
        listed = {each.path for each in told if not each.left_out}
        assert "artifacts/good" in listed
        assert listed <= {"artifacts/good", name, f"{name}/in/it/file", "outbox/store"}
        assert not any(each.size > 100 for each in told)
    if KINDS[kind] and name in (layout.JOURNAL, layout.DRIVER_LOG, "code/outputs/odd"):
        assert [(each.path, KINDS[kind] in each.left_out) for each in told if each.left_out] == [(name, True)]
    assert agent.read("run1", [("artifacts/good", 0, 10), (name, 0, 10)])[0] == b"good"
    assert sum(map(len, agent.appended({"run1": {}})["run1"].values())) < 100


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [layout.SHIM, layout.EXIT])
def test_a_witness_bears_odd_records(tmp_path: Path, kind: str, name: str) -> None:
    machine: Any = None
    witness = Witness(machine, tmp_path, lambda _: None, lambda _: True)
    witness.begin("run1", {}, GONE)
    make(kind, tmp_path / "run1" / name)
    absent = (name, kind) == (layout.SHIM, "nothing")
    assert witness.poll({"run1": ""})["run1"].state == (ABSENT if absent else LOST)
    witness.end("run1", {"outcome": "completed", "reason": "exit", "message": ""})
    kept = name == layout.SHIM or kind == "nothing"
    assert witness.poll({"run1": ""})["run1"].state == (ENDED if kept else LOST)
    witness.close()
