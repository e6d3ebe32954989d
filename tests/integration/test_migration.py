"""A workspace of release 0.1.0, opened by this one."""

from __future__ import annotations

import importlib.util
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from trainshed import Experiment, RunConfiguration, ScriptRunConfig, Workspace

FIXTURE = Path(__file__).parents[1] / "fixtures" / "workspace_0_1_0"


@pytest.fixture
def old_home(home: Path) -> Path:
    with tarfile.open(FIXTURE / "workspace.tar.gz") as archive:
        archive.extractall(home.parent, filter="tar")
    return (home.parent / "trainshed-home").rename(home)


def answers(workspace: Workspace) -> dict[str, Any]:
    """Ask what was asked of the service of release 0.1.0."""
    described = importlib.util.spec_from_file_location("make", FIXTURE / "make.py")
    assert described is not None
    assert described.loader is not None
    made = importlib.util.module_from_spec(described)
    described.loader.exec_module(made)
    told: dict[str, Any] = made.answers(workspace)
    return told


def lost(before: Any, now: Any, where: str = "") -> list[str]:
    """Return what was told before and is told otherwise now; that more is told is no loss."""
    if isinstance(before, dict) and isinstance(now, dict):
        return [each for key in before for each in lost(before[key], now.get(key, "nothing"), f"{where}/{key}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [each for at, item in enumerate(before) for each in lost(item, now[at], f"{where}/{at}")]
    return [] if before == now else [f"{where}: {before!r} is {now!r} now"]


def test_all_that_it_kept_is_there(old_home: Path, workspace: Workspace) -> None:
    before = json.loads((FIXTURE / "answers.json").read_text())
    assert len(before["runs"]) == 7
    assert lost(before, answers(workspace)) == []
    assert (old_home / "workspaces" / "default" / "history.db.format-3").is_file()


def test_it_goes_on(old_home: Path, workspace: Workspace, tmp_path: Path, project: Path) -> None:
    runs = list(Experiment(workspace, "first").get_runs())
    assert len(runs) == 4
    trained = runs[-1]
    trained.restore_snapshot(path=str(tmp_path))  # type: ignore[attr-defined]
    assert trained.get_metrics("loss")["loss"] == [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    (project / "train.py").write_text("from azureml.core import Run\nRun.get_context().log('a', 1)\n")
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = sys.executable
    run = Experiment(workspace, "first").submit(ScriptRunConfig(str(project), "train.py", run_config=config))
    run.wait_for_completion()
    assert run.get_metrics() == {"a": 1}
    assert run.number == 5
