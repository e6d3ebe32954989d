"""Runs and garbage are removed by the real service, and nothing that a run needs."""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from trainshed import Experiment, Model, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.cli.main import main
from trainshed.client.stopping import stop
from trainshed.environments.cache import downloads
from trainshed.errors import NotFoundException, UserErrorException
from trainshed.tensorboard import export_to_tensorboard

TRAIN = """
import sys
from azureml.core import Run
Run.get_context().log("alpha", float(sys.argv[1]))
open("outputs/model.txt", "w").write(sys.argv[1])
"""


@pytest.fixture
def sh(workspace: Workspace, capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capfd)


@pytest.fixture
def experiment(workspace: Workspace) -> Experiment:
    return Experiment(workspace, "e")


def start(experiment: Experiment, project: Path, alpha: object = 1, script: str = TRAIN, target: str = "local") -> Any:
    project.mkdir(exist_ok=True)
    (project / "train.py").write_text(script)
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = sys.executable
    config.target = target
    return experiment.submit(ScriptRunConfig(str(project), "train.py", [str(alpha)], run_config=config))


def trained(experiment: Experiment, project: Path, alpha: object = 1) -> Any:
    run = start(experiment, project, alpha)
    run.wait_for_completion()
    return run


def age(workspace: Any) -> None:
    """Let every snapshot have been used long ago."""
    for path in (*workspace.path.glob("snapshots/trees/*"), *workspace.path.glob("snapshots/packs/*")):
        os.utime(path, (1.0, 1.0))


def directories(workspace: Any) -> set[str]:
    """Return the runs that have a folder; in a workspace of another user's, those that its service lists."""
    if "TRAINSHED_SERVICE" in os.environ:
        return {run["id"] for run in workspace.connection.call("GET", "/runs", query={"limit": 1000})["runs"]}
    return {path.name for path in (workspace.path / "runs").iterdir()} - {".trash"}


def test_removed_runs_leave_nothing_but_their_models(sh: Shell, experiment: Experiment, project: Path) -> None:
    workspace = experiment.workspace
    first, second, third = (trained(experiment, project, alpha) for alpha in (1, 2, 3))
    first.register_model("m", "outputs/model.txt")
    assert sh("rm", first.id, second.id).splitlines() == [f"removed {second.id}", f"removed {first.id}"]
    assert directories(workspace) == {third.id}
    with pytest.raises(NotFoundException):
        workspace.get_run(first.id)
    assert [run.id for run in experiment.get_runs()] == [third.id]
    model = Model(workspace, "m")
    assert Path(model.download(str(project / "down"))).read_text() == "1"
    assert third.get_metrics() == {"alpha": 3.0}
    assert json.loads(sh("rm", "@last", "--json")) == [third.id]
    assert trained(experiment, project).number == 4


def test_a_mistyped_name_removes_nothing(sh: Shell, experiment: Experiment, project: Path) -> None:
    run = trained(experiment, project)
    sh("rm", run.id, "nothing", code=2)
    assert "no run 'nothing'" in sh.err
    assert run.status == "Completed"


def test_what_has_not_ended_stays(sh: Shell, experiment: Experiment, project: Path) -> None:
    run = start(experiment, project, script="import sys; print('up', flush=True); import time; time.sleep(600)")
    stream = experiment.workspace.connection.stream(
        "GET", f"/runs/{run.id}/files/azureml-logs/70_driver_log.txt", {"follow": 1}
    )
    next(iter(stream))
    sh("rm", run.id, code=2)
    assert "is Running and cannot be removed. Cancel it first: trainshed cancel" in sh.err
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    sh("rm", run.id)
    assert directories(experiment.workspace) == set()


def test_children_go_with_their_parent_when_asked_for(sh: Shell, experiment: Experiment) -> None:
    with experiment.start_logging(snapshot_directory=None) as parent, parent.child_run() as child:
        child.log("a", 1)
    sh("rm", parent.id, code=2)
    assert f"has 1 child runs, such as '{child.id}'. Remove them too: trainshed rm --children" in sh.err
    assert parent.get_metrics(recursive=True) == {parent.id: {}, child.id: {"a": 1}}
    sh("rm", "--children", parent.id)
    assert directories(experiment.workspace) == set()
    with experiment.start_logging(snapshot_directory=None) as parent, parent.child_run() as child:
        pass
    sh("rm", parent.id, child.id)  # named both, they need no option
    assert list(experiment.get_runs()) == []


@pytest.mark.own_folder
def test_a_run_of_another_machine_goes_there_too(sh: Shell, experiment: Experiment, project: Path, home: Path) -> None:
    far, connection = home.parent / "far", experiment.workspace.connection
    reach = home.parent / "reach"
    reach.write_text(way := f'exec env TRAINSHED_HOME={far} sh -c "$1"\n')
    connection.call("PUT", "/targets/far", {"kind": "remote", "connect": ["sh", str(reach)]})
    run = start(experiment, project, target="far")
    run.wait_for_completion()
    (there,) = far.rglob(run.id)
    assert there.is_dir()
    stop(str(experiment.workspace.path))  # type: ignore[attr-defined]
    reach.write_text("exit 1\n")
    sh("rm", run.id, code=1)  # it cannot be removed there, and so it stays
    assert "cannot be reached" in sh.err
    assert run.get_metrics() == {"alpha": 1.0}
    sh("gc", "--keep-runs", "0")
    assert run.get_metrics() == {"alpha": 1.0}
    reach.write_text(way)
    while main(["rm", run.id]):  # for a moment after a failed try to connect, no other is made
        pass
    assert not there.exists()
    assert directories(experiment.workspace) == set()


@pytest.mark.own_folder
def test_gc_removes_what_no_run_needs(sh: Shell, experiment: Experiment, project: Path) -> None:
    workspace = experiment.workspace
    gone, kept = trained(experiment, project / "a", 1), trained(experiment, project / "b", 2)
    (project / "a" / "more.txt").write_text("x" * 100_000)
    gone = trained(experiment, project / "a", 1)
    sh("rm", gone.id)
    assert "snapshots" not in sh("gc")  # used within the hour
    age(workspace)
    assert "would free" in (told := sh("gc", "--dry-run"))
    assert told.splitlines()[0].split()[:2] == ["snapshots", "2"]
    assert sh("gc") == told.replace("would free", "freed")
    assert sh("gc") == "freed 0 B\n"
    kept.restore_snapshot(path=str(project / "restored"))
    assert start(experiment, project / "a", 5).wait_for_completion().status == "Completed"


def test_gc_removes_old_runs_when_asked_to(sh: Shell, experiment: Experiment, project: Path) -> None:
    runs = [trained(experiment, project, alpha) for alpha in range(3)]
    other = trained(Experiment(experiment.workspace, "f"), project)
    assert "runs" not in sh("gc", "--runs-older-than", "1d")
    told = json.loads(sh("gc", "--keep-runs", "1", "--dry-run", "--json"))
    names = [f"runs/{run.id}" for run in runs[:2]]
    assert [each["name"] for each in told["removed"] if each["kind"] == "runs"] == names
    assert all(each["size"] > 0 for each in told["removed"])
    sh("gc", "--keep-runs", "1", "--runs-older-than", "0d")
    assert directories(experiment.workspace) == {runs[2].id, other.id}


@pytest.mark.own_folder
def test_gc_removes_what_was_left_by_a_kill(sh: Shell, experiment: Experiment, project: Path) -> None:
    run, root = trained(experiment, project), experiment.workspace.path  # type: ignore[attr-defined]
    for left in ("runs/of_no_run", "runs/.trash/1234-old", "models/" + "a" * 32):
        (root / left).mkdir(parents=True)
        (root / left / "file").write_text("x" * 10_000)
    for left in (root / "models" / ("a" * 32), root / "models" / ("a" * 32) / "file"):
        os.utime(left, (1.0, 1.0))
    incoming = root / "snapshots" / "incoming" / ("b" * 32)
    incoming.write_text("half of a pack")
    os.utime(incoming, (1.0, 1.0))
    assert sh("gc").splitlines()[0].split()[:2] == ["leftovers", "4"]
    assert directories(experiment.workspace) == {run.id}
    assert not incoming.exists()
    assert list((root / "runs" / ".trash").iterdir()) == []
    assert [path.name for path in (root / "models").iterdir()] == [".trash"]


@pytest.mark.own_folder
def test_gc_removes_downloads_when_nothing_is_built_from_them(sh: Shell, workspace: Workspace, home: Path) -> None:
    (home / "uv-cache").mkdir()
    (home / "uv-cache" / "wheel").write_bytes(b"x" * 10_000)
    assert sh("gc") == "freed 0 B\n"
    with downloads(home, shared=True) as held:
        assert held
        sh("gc", "--downloads", code=2)
    assert "An environment is being built" in sh.err
    assert sh("gc", "--downloads").startswith("downloads          1")
    assert not (home / "uv-cache").exists()


@pytest.mark.own_folder
def test_gc_at_the_moment_of_a_submit(sh: Shell, experiment: Experiment, project: Path) -> None:
    """What a submit found here is here when its run starts, whatever is collected meanwhile."""
    workspace, connection = experiment.workspace, experiment.workspace.connection
    barrier = threading.Barrier(4)

    def collect() -> None:
        barrier.wait()
        for _ in range(5):
            b"".join(connection.stream("POST", "/gc"))

    def submit(name: str) -> Any:
        barrier.wait()
        return start(experiment, project / name)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            for run in list(experiment.get_runs()):
                connection.call("DELETE", f"/runs/{run.id}")
            age(workspace)  # nothing is being submitted now
            collecting = pool.submit(collect)
            runs = list(pool.map(submit, "abc"))
            collecting.result()
            assert [run.wait_for_completion().status for run in runs] == ["Completed"] * 3


def test_one_collection_at_a_time_and_bad_limits(sh: Shell, workspace: Workspace) -> None:
    for name, value in (("keep_runs", "-1"), ("unused_days", "nan"), ("runs_older_than_days", "soon")):
        with pytest.raises(UserErrorException, match=name):
            workspace.connection.stream("POST", "/gc", {name: value})
    assert main(["gc", "--runs-older-than", "soon"]) == 2


def test_the_disk_that_is_used_is_told(sh: Shell, experiment: Experiment, project: Path) -> None:
    trained(experiment, project)
    sizes = json.loads(sh("service", "status", "--json"))["sizes"]
    assert sizes["runs"] > 1000
    assert sizes["database"] > 1000
    assert sizes["snapshots"] > 0
    assert "on disk: runs " in sh("service", "status")


def test_a_metric_has_steps_and_times(experiment: Experiment, tmp_path: Path) -> None:
    with experiment.start_logging(snapshot_directory=None) as run:
        for step in (0, 10, 20):
            run.log("loss", 1.0 / (step + 1), step=step)
        run.log("plain", float("inf"))
        run.log_list("list", [1, 2])
    (first, begun, value), *_ = run.series("loss")
    assert (first, value) == (0, 1.0)
    assert begun > 1e9
    assert [step for step, _, _ in run.series("loss")] == [0, 10, 20]
    assert [each[::2] for each in run.series("plain")] == [(None, float("inf"))]
    assert run.series("nothing") == []
    assert run.get_metrics("loss") == {"loss": [1.0, 1 / 11, 1 / 21]}
    frame = experiment.runs_dataframe()
    assert list(frame.columns) == ["run", "metric", "step", "time", "value"]
    assert frame[frame.metric == "loss"][["step", "value"]].values.tolist() == [[0, 1.0], [10, 1 / 11], [20, 1 / 21]]
    assert frame[frame.metric == "plain"][["run", "value"]].values.tolist() == [[run.id, float("inf")]]
    assert (frame.step.isna().sum(), frame.time.iloc[0], set(frame.metric)) == (1, begun, {"loss", "plain"})
    assert set(experiment.runs_dataframe("plain").metric) == {"plain"}
    export_to_tensorboard(run, str(tmp_path / "boards"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(tmp_path / "boards" / run.id)).Reload()
    assert [event.step for event in read.Scalars("loss")] == [0, 10, 20]
    assert read.Scalars("loss")[0].wall_time == begun
    assert [event.step for event in read.Scalars("list")] == [0, 1]


def test_the_states_of_a_run_are_shown(sh: Shell, experiment: Experiment, project: Path) -> None:
    run = trained(experiment, project)
    assert "NotStarted +0.0s, Queued +0.0s, Preparing" in sh("show", run.id)
