"""Damage is found, all of it, and nothing else is called damaged."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from waiting import until_logged

from trainshed import Dataset, Experiment, Model, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.cli.main import main
from trainshed.errors import ActivityFailedException, ServiceException

SCRIPT = """
import os, random
from trainshed import Run
data = random.Random(1)
for number in range(10):
    with open(f"outputs/{number}.bin", "wb") as file:
        file.write(data.randbytes(10_000))
Run.get_context().upload_file("plots/roc.png", "outputs/1.bin")
"""
FLIPS = 200

pytestmark = pytest.mark.own_folder


class Verify:
    """Runs the command."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *words: str) -> tuple[int, str]:
        self._capfd.readouterr()
        code = main(["verify", *words])
        out, err = self._capfd.readouterr()
        return code, out + err

    def damaged(self, *words: str) -> list[dict[str, Any]]:
        code, text = self("--json", *words)
        told = json.loads(text)
        assert code == int(bool(told["damaged"]))
        found: list[dict[str, Any]] = told["damaged"]
        return found


@pytest.fixture
def verify(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> Verify:
    return Verify(capfd)


@pytest.fixture
def runs(workspace: Workspace, project: Path, this_python: str) -> list[Any]:
    (project / "train.py").write_text(SCRIPT)
    for number in range(20):
        (project / f"module_{number}.py").write_text(f"# {'x' * 1000}{number}")
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    made = []
    for number in range(2):
        (project / "module_0.py").write_text(f"# {number}")
        made.append(Experiment(workspace, "e").submit(ScriptRunConfig(project, "train.py", run_config=config)))
        made[-1].wait_for_completion(raise_on_error=True)
    made[0].register_model("net", "outputs")
    Model.register(workspace, str(project / "module_1.py"), "alone")
    return made


def flip(path: Path, draw: random.Random) -> bytes:
    """Flip one bit; return what was there."""
    before = path.read_bytes()
    changed = bytearray(before)
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(changed)
    path.chmod(mode)
    return before


def test_every_flipped_bit_is_found(workspace: Workspace, runs: list[Any], verify: Verify) -> None:
    root, draw = workspace.path, random.Random(7)
    assert verify.damaged() == []
    folders = ("snapshots/packs/*", "snapshots/trees/*", "runs/*/code/outputs/*", "runs/*/artifacts/*/*", "models/*/*")
    kinds = [sorted(root.glob(folder)) for folder in folders]
    kinds[-1] += sorted(root.glob("models/*/outputs/*"))
    names = [[path for path in found if path.is_file()] for found in kinds]
    assert all(names)
    missed = []
    for _ in range(FLIPS):
        path = draw.choice(draw.choice(names))
        before = flip(path, draw)
        if not verify.damaged():
            missed.append(path)
        path.chmod(0o600)
        path.write_bytes(before)
    assert missed == []
    assert verify.damaged() == []


def test_damage_is_told_in_words(workspace: Workspace, runs: list[Any], verify: Verify) -> None:
    root, (first, second) = workspace.path, runs
    code, text = verify()
    assert code == 0
    assert text.startswith("checked the database, snapshots 2, packs 2, runs 2, files ")
    assert text.endswith("read, nothing damaged\n")
    (root / "runs" / first.id / "code" / "outputs" / "3.bin").write_bytes(b"short")
    (root / "runs" / second.id / "code" / "outputs" / "4.bin").unlink()
    big = max((root / "snapshots" / "packs").iterdir(), key=lambda path: path.stat().st_size)
    held = big.read_bytes()
    at = held.index(b"x" * 1000 + b"5")
    big.chmod(0o600)
    big.write_bytes(held[:at] + b"y" + held[at + 1 :])
    code, text = verify()
    assert code == 1
    assert f"file outputs/3.bin: has changed since the run ended (run {first.id})" in text
    assert f"file outputs/4.bin: has disappeared since the run ended (run {second.id})" in text
    assert f"snapshot snapshots/packs/{big.name}: 'module_5.py' is damaged (run " in text
    assert first.id in text.split("module_5.py")[1]
    assert second.id in text.split("module_5.py")[1]
    (root / "snapshots" / "trees" / f"{second.get_snapshot_id()}.json").unlink()
    assert {each["problem"] for each in verify.damaged(second.id)} == {
        "is missing",
        "has disappeared since the run ended",
    }
    assert len(verify.damaged(first.id)) == 2
    by_part = [each for part in (1, 2, 3) for each in verify.damaged("--subset", f"{part}/3")]
    assert {each["name"] for each in by_part} == {each["name"] for each in verify.damaged()}
    for pack in (root / "snapshots" / "packs").iterdir():
        pack.unlink()
    assert "'module_5.py' is missing" in {each["problem"] for each in verify.damaged()}


def test_models_and_datasets(workspace: Workspace, runs: list[Any], verify: Verify, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("a\n1\n")
    datastore = workspace.get_default_datastore()
    datastore.upload_files([str(tmp_path / "data.csv")], target_path="d")
    Dataset.File.from_files([(datastore, "d/data.csv")]).register(workspace, "numbers")
    assert verify.damaged() == []
    (workspace.path / "datastores" / datastore.name / "d" / "data.csv").unlink()
    folder = next(path for path in (workspace.path / "models").iterdir() if (path / "module_1.py").exists())
    (folder / "module_1.py").unlink()
    damaged = {each["kind"]: each for each in verify.damaged()}
    assert damaged["model"]["name"] == "alone:1"
    assert damaged["model"]["problem"] == "'module_1.py' has disappeared since it was registered"
    assert damaged["dataset"]["name"] == "numbers:1"
    assert verify.damaged(runs[0].id) == []
    Model(workspace, "alone").delete()
    assert [each["kind"] for each in verify.damaged()] == ["dataset"]


@pytest.mark.parametrize("subset", ["0/3", "4/3", "x", "1", "1/0"])
def test_a_part_that_cannot_be(subset: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--subset", subset]) == 2
    assert "is not a part" in capfd.readouterr().err


def test_damaged_source_does_not_run_and_is_sent_again(
    workspace: Workspace, project: Path, runs: list[Any], verify: Verify, this_python: str
) -> None:
    packs = workspace.path / "snapshots" / "packs"
    trees = workspace.path / "snapshots" / "trees"
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    source = ScriptRunConfig(project, "train.py", run_config=config)
    big = max(packs.iterdir(), key=lambda path: path.stat().st_size)

    def change(path: Path, before: bytes, after: bytes) -> None:
        path.chmod(0o600)
        path.write_bytes(path.read_bytes().replace(before, after, 1))

    changes = [
        (big, b"x" * 1000 + b"7", b"y" * 1000 + b"7", "The content of 'module_7.py' is damaged in the snapshot store"),
        (trees / f"{runs[-1].get_snapshot_id()}.json", b"module_8.py", b"module_9.py", "The list of files is damaged"),
        (trees / f"{runs[-1].get_snapshot_id()}.json", b'"contents":', b'"cantents":', "The list of files is damaged"),
    ]
    for path, before, after, said in changes:
        change(path, before, after)
        run = Experiment(workspace, "e").submit(source)
        with pytest.raises(ActivityFailedException, match=said):
            run.wait_for_completion(raise_on_error=True)
        assert run.get_metrics() == {}
        again = Experiment(workspace, "e").submit(source)
        assert again.wait_for_completion(raise_on_error=True).status == "Completed"
    big.unlink()
    with pytest.raises(ActivityFailedException, match="missing from the snapshot store"):
        Experiment(workspace, "e").submit(source).wait_for_completion(raise_on_error=True)
    assert Experiment(workspace, "e").submit(source).wait_for_completion(raise_on_error=True).status == "Completed"


def test_large_damaged_source_never_completes(
    workspace: Workspace, project: Path, verify: Verify, this_python: str
) -> None:
    (project / "train.py").write_text("import time\nprint('started', flush=True)\ntime.sleep(600)\n")
    (project / "weights.bin").write_bytes(random.Random(3).randbytes(6 << 20))
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    source = ScriptRunConfig(project, "train.py", run_config=config)
    first = Experiment(workspace, "e").submit(source)
    until_logged(first, "started")
    first.cancel()
    assert first.wait_for_completion().status == "Canceled"
    flip(next((workspace.path / "snapshots" / "packs").iterdir()), random.Random(5))
    damaged = Experiment(workspace, "e").submit(source)
    with pytest.raises(ActivityFailedException, match="The content of 'weights"):
        damaged.wait_for_completion(raise_on_error=True)
    again = Experiment(workspace, "e").submit(source)
    until_logged(again, "started")
    again.cancel()
    assert again.wait_for_completion().status == "Canceled"


@pytest.mark.parametrize("times", ["new", "same"])
def test_a_changed_output_is_not_handed_out(
    workspace: Workspace, runs: list[Any], times: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run, name = runs[0], "outputs/3.bin"
    path = workspace.path / "runs" / run.id / "code" / name
    whole, facts, target = path.read_bytes(), path.stat(), tmp_path / "downloaded.bin"
    os.utime(path)  # another time alone is no change
    run.download_file(name, target)
    assert target.read_bytes() == whole
    target.unlink()
    flip(path, random.Random(9))
    if times == "same":
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    for _ in range(2):
        with pytest.raises(ServiceException, match=f"'{name}' of run {run.id} has changed since the run ended"):
            run.download_file(name, target)
    assert main(["get", run.id, name, "-o", str(target)]) == 1
    assert "has changed since the run ended" in capfd.readouterr().err
    assert not target.exists()
    path.write_bytes(whole)
    run.download_file(name, target)
    assert target.read_bytes() == whole
    path.write_bytes(whole[:-1])
    with pytest.raises(ServiceException, match="has changed since the run ended"):
        b"".join(run.read(name))
