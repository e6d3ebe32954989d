"""The classes that users hold, over the real service and real runs."""

from __future__ import annotations

import io
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from trainshed import (
    ComputeTarget,
    Datastore,
    Estimator,
    Experiment,
    Run,
    RunConfiguration,
    ScriptRunConfig,
    Workspace,
    get_run,
)
from trainshed.errors import (
    ActivityFailedException,
    ComputeTargetException,
    ExperimentExecutionException,
    NotFoundException,
    RunEnvironmentException,
    UserErrorException,
)


def as_it_is(project: Path, script: str, *arguments: object, this_python: str = sys.executable) -> ScriptRunConfig:
    """A script to be run with the Python of the tests."""
    (project / "train.py").write_text(script)
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    return ScriptRunConfig(str(project), "train.py", list(arguments), config)


@pytest.fixture
def experiment(workspace: Workspace) -> Experiment:
    return Experiment(workspace, "trial")


FIRST = """
import argparse, os
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--data-folder")
parser.add_argument("--regularization", type=float)
args = parser.parse_args()
run = Run.get_context()
print("reading", sorted(os.listdir(args.data_folder)))
run.log("alpha", args.regularization)
for value in (3, 2.5, float("nan"), float("inf")):
    run.log("mse", value)
run.tag("stage", "trial")
os.makedirs("outputs/deep", exist_ok=True)
with open("outputs/deep/model.txt", "w") as file:
    file.write("the model")
with open("logs/notes.txt", "w") if os.path.isdir("logs") else open(os.devnull, "w") as file:
    file.write("notes")
"""


def test_the_first_program(
    experiment: Experiment, project: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    ws = experiment.workspace
    (project / "train.py").write_text(FIRST)
    data = tmp_path / "data"
    data.mkdir()
    (data / "diabetes.csv").write_text("1,2")
    ds = ws.get_default_datastore()
    ds.upload(str(data), overwrite=True)  # type: ignore[attr-defined]
    est = Estimator(
        str(project),
        script_params={"--data-folder": ds.as_mount(), "--regularization": 0.8},  # type: ignore[attr-defined]
        compute_target="local",
        entry_script="train.py",
        user_managed=True,
    )
    est.run_config.environment.python.interpreter_path = sys.executable
    run = experiment.submit(est, tags={"by": "test"})
    details = run.wait_for_completion(show_output=True)
    shown = capfdbinary.readouterr().out.decode()
    assert run.get_details().status == details["status"] == "Completed"
    assert shown.index(f"RunId: {run.id}") < shown.index("Streaming azureml-logs/70_driver_log.txt")
    assert shown.index("reading ['diabetes.csv']") < shown.index("Execution Summary")
    metrics = run.get_metrics()
    assert (metrics["alpha"], metrics["mse"][:2]) == (0.8, [3, 2.5])
    assert math.isnan(metrics["mse"][2])
    assert metrics["mse"][3] == math.inf
    assert run.get_metrics("alpha") == {"alpha": 0.8}
    assert run.get_metrics("none") == {}
    assert run.tags == {"by": "test", "stage": "trial"}
    assert "outputs/deep/model.txt" in run.get_file_names()
    run.download_file("outputs/deep/model.txt", str(tmp_path / "got" / "model.txt"))
    assert (tmp_path / "got" / "model.txt").read_text() == "the model"
    run.download_files("outputs/", str(tmp_path / "all"))
    assert (tmp_path / "all" / "outputs" / "deep" / "model.txt").is_file()
    assert (run.number, run.type, run.parent) == (1, "azureml.scriptrun", None)
    assert details["runDefinition"]["arguments"][1] == "$AZUREML_DATAREFERENCE_workspaceblobstore"
    assert b"reading" in b"".join(run.read("user_logs/std_log.txt"))
    assert "reading" in run.get_details_with_logs()["logFiles"]["azureml-logs/70_driver_log.txt"]


def test_a_failure_is_raised_with_the_end_of_the_log(
    experiment: Experiment, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = as_it_is(project, "print('before'); raise ValueError('the reason')")
    run = experiment.submit(config)
    with pytest.raises(ActivityFailedException, match="the reason") as caught:
        run.wait_for_completion()
    assert "azureml-logs/70_driver_log.txt" in str(caught.value)
    assert "exit_code" in caught.value.error_details
    capsys.readouterr()
    details = run.wait_for_completion(raise_on_error=False)
    assert details.status == "Failed"
    assert "the reason" in capsys.readouterr().out
    assert details["error"]["error"]["exit_code"] == 1


def test_a_failure_shown_is_decoded_where_no_bytes_are_taken(
    experiment: Experiment, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    run = experiment.submit(
        as_it_is(project, "import sys; sys.stdout.buffer.write('✓ ünï'.encode() + b'\\xff'); sys.exit(4)")
    )
    details = run.wait_for_completion(show_output=True, raise_on_error=False)
    monkeypatch.undo()
    assert details["error"]["error"]["exit_code"] == 4
    assert "✓ ünï\ufffd\n" in out.getvalue()


def test_editing_the_folder_after_submit_changes_nothing_and_what_did_not_change_is_not_sent(
    experiment: Experiment, project: Path
) -> None:
    config = as_it_is(project, "print(open('data.txt').read())")
    (project / "data.txt").write_text("old")
    first = experiment.submit(config)
    second = experiment.submit(config)
    (project / "data.txt").write_text("new")
    third = experiment.submit(config)
    for run, said in ((first, "old"), (second, "old"), (third, "new")):
        run.wait_for_completion()
        assert b"".join(run.read("azureml-logs/70_driver_log.txt")).decode().strip() == said
    assert first.get_snapshot_id() == second.get_snapshot_id() != third.get_snapshot_id()


@pytest.mark.own_folder
def test_a_snapshot_that_was_pruned_is_sent_again(experiment: Experiment, project: Path) -> None:
    config = as_it_is(project, "print('here')")
    snapshot = experiment.submit(config).get_snapshot_id()
    tree = experiment.workspace.path / "snapshots" / "trees" / f"{snapshot}.json"  # type: ignore[attr-defined]
    tree.unlink()
    assert experiment.submit(config).wait_for_completion().status == "Completed"


def test_bad_input_is_refused_before_anything_is_sent(experiment: Experiment, project: Path) -> None:
    (project / "train.py").write_text("")
    for est, error, says in (
        (
            Estimator(str(project), compute_target="locl"),
            ComputeTargetException,
            "ComputeTargetNotFound.*Did you mean 'local'",
        ),
        (
            Estimator(str(project), compute_target="local", entry_script="x.py"),
            UserErrorException,
            "There is no script",
        ),
        (Estimator("nowhere", compute_target="local"), UserErrorException, "does not exist"),
    ):
        with pytest.raises(error, match=says):
            experiment.submit(est)
    with pytest.raises(
        UserErrorException, match="Only an Estimator, a ScriptRunConfig or a HyperDriveConfig can be submitted"
    ):
        experiment.submit("train.py")
    (project / ".amlignore").write_text("train.py\n")
    with pytest.raises(UserErrorException, match=r"excluded from the snapshot by .amlignore"):
        experiment.submit(Estimator(str(project), compute_target="local"))
    assert list(experiment.get_runs()) == []


@pytest.mark.own_folder
def test_a_service_that_dies_is_brought_back_and_no_byte_is_lost(experiment: Experiment, project: Path) -> None:
    ws = experiment.workspace
    script = (
        "import sys\nfor i in range(5): print(i, flush=True)\nopen(sys.argv[1]).read()\nfor i in range(5, 10): print(i)"
    )
    gate = project.parent / "gate"
    os.mkfifo(gate)
    run = experiment.submit(as_it_is(project, script, gate))
    from trainshed.client.follow import follow

    seen = b""
    killed = False
    for piece in follow(ws.connection, run.id, "azureml-logs/70_driver_log.txt"):
        seen += piece
        if not killed and b"4\n" in seen:
            killed = True
            os.kill(ws.connection.call("GET", "/service")["pid"], signal.SIGKILL)
            gate.write_text("go")
    assert seen.decode().split() == [str(number) for number in range(10)]
    assert run.wait_for_completion().status == "Completed"


def test_ctrl_c_stops_watching_and_not_the_run(home: Path, workspace: Workspace, project: Path) -> None:
    gate = project.parent / "gate"
    os.mkfifo(gate)
    run = Experiment(workspace, "trial").submit(
        as_it_is(project, f"print('up', flush=True); open({str(gate)!r}).read()")
    )
    code = (
        # Which a shell has its background jobs ignore.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys; from trainshed import *\n"
        "try: Workspace().get_run(sys.argv[1]).wait_for_completion(show_output=True)\n"
        "except BaseException as error: print(type(error).__name__, error)"
    )
    watcher = subprocess.Popen([sys.executable, "-c", code, run.id], stdout=subprocess.PIPE, text=True)
    assert watcher.stdout is not None
    lines = []
    for line in watcher.stdout:
        lines.append(line)
        if line == "up\n":
            watcher.send_signal(signal.SIGINT)
    watcher.stdout.close()
    assert watcher.wait() == 0
    assert ExperimentExecutionException.__name__ in lines[-1]
    assert f"trainshed cancel {run.id}" in lines[-1]
    assert run.status == "Running"
    gate.write_text("")
    assert run.wait_for_completion().status == "Completed"


def test_cancel(experiment: Experiment, project: Path) -> None:
    run = experiment.submit(as_it_is(project, "import signal; print('up', flush=True); signal.pause()"))
    run.cancel()
    assert run.wait_for_completion().status == "Canceled"


def test_runs_are_found_again(experiment: Experiment, project: Path) -> None:
    ws = experiment.workspace
    config = as_it_is(project, "pass")
    runs = [experiment.submit(config, tags={"n": number}) for number in range(3)]
    other = Experiment(ws, "other").submit(config)
    for run in (*runs, other):
        run.wait_for_completion()
    assert list(experiment.get_runs()) == runs[::-1]
    assert list(experiment.get_runs(tags={"n": "1"})) == [runs[1]]
    assert list(experiment.get_runs(tags="none")) == []
    assert [run.number for run in Run.list(experiment)] == [3, 2, 1]
    assert get_run(experiment, runs[0].id) == get_run(ws, runs[0].id) == Run.get(ws, runs[0].id) == runs[0]
    assert sorted(ws.experiments) == ["other", "trial"]  # type: ignore[attr-defined]
    with pytest.raises(NotFoundException, match="Did you mean"):
        ws.get_run(runs[0].id[:-1])


def test_labels(experiment: Experiment, project: Path) -> None:
    run = experiment.submit(as_it_is(project, "pass"))
    run.set_tags({"a": 1, "b": None})
    run.tag("c", "x")
    run.remove_tags(["a"])
    assert run.get_tags() == {"b": None, "c": "x"}
    run.add_properties({"p": 1})
    assert run.properties == run.get_properties() == {"p": "1"}
    with pytest.raises(UserErrorException):
        run.add_properties({"p": 2})
    run.wait_for_completion()


def test_files_of_a_run(experiment: Experiment, project: Path, tmp_path: Path) -> None:
    run = experiment.submit(as_it_is(project, "print('x')"))
    run.wait_for_completion()
    (tmp_path / "local.txt").write_text("mine")
    uploaded = run.upload_file("notes/mine.txt", tmp_path / "local.txt")
    assert list(uploaded.serialize()["artifacts"]) == ["notes/mine.txt"]
    run.upload_file("stream.bin", io.BytesIO(b"\x00\x01"))
    assert {"notes/mine.txt", "stream.bin"} <= set(run.get_file_names())
    run.download_file("notes/mine.txt", tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"
    with pytest.raises(UserErrorException, match=r"stream\.bin"):
        run.upload_file("stream.bin", io.BytesIO(b"again"))
    with pytest.raises(UserErrorException, match=r"Did you mean 'notes/mine\.txt'"):
        run.download_file("notes/min.txt", tmp_path)
    logs = run.get_all_logs(tmp_path / "logs")
    assert any(path.endswith("70_driver_log.txt") for path in logs)


def test_datastores(workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "a b.txt").write_text("one")
    (data / "deep" / "ü.txt").write_text("two")
    ds = Datastore.get_default(workspace)
    assert str(ds.upload(str(data), "in/put")).startswith("$AZUREML_DATAREFERENCE_")
    assert "Uploaded 2 files" in capsys.readouterr().out
    (data / "a b.txt").write_text("changed")
    ds.upload(str(data), "in/put")
    assert "Target already exists. Skipping upload for in/put/a b.txt" in capsys.readouterr().out
    assert ds.download(tmp_path / "got", "in", show_progress=False) == 2
    assert capsys.readouterr().out == ""
    assert (tmp_path / "got" / "in" / "put" / "a b.txt").read_text() == "one"
    assert ds.download(tmp_path / "got", "in") == 0
    ds.upload_files([str(data / "a b.txt")], target_path="in/put", overwrite=True)
    assert ds.download(tmp_path / "got", "in/put/a b.txt", overwrite=True) == 1
    assert (tmp_path / "got" / "in" / "put" / "a b.txt").read_text() == "changed"
    assert ds.download(tmp_path / "got", "nothing") == 0
    with pytest.raises(UserErrorException, match=r"no folder .*Did you mean 'data'\?"):
        ds.upload(str(tmp_path / "dat"))
    with pytest.raises(UserErrorException, match="There is no file"):
        ds.upload_files([str(data / "none")])


def test_a_folder_becomes_a_datastore(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    made = Datastore.register_folder(workspace, "big", tmp_path / "big")
    made.upload_files([__file__], show_progress=False)
    assert (tmp_path / "big" / Path(__file__).name).is_file()
    assert sorted(workspace.datastores()) == ["big", "workspaceblobstore", "workspacefilestore"]
    with pytest.raises(NotFoundException, match=r"Available: big, .*Did you mean 'big'\?"):
        Datastore(workspace, "bigg")
    made.unregister()
    assert "big" not in workspace.datastores


def test_the_local_target(workspace: Workspace) -> None:
    target = ComputeTarget(workspace, "local")
    target.slots = 3  # type: ignore[attr-defined]
    assert workspace.compute_targets["local"].serialize()["slots"] == 3
    assert [found.name for found in workspace.compute_targets()] == ["local"]  # type: ignore[attr-defined]
    with pytest.raises(ComputeTargetException, match=r"ComputeTargetNotFound: .*'cpu-cluster'"):
        ComputeTarget(workspace, "cpu-cluster")
    with pytest.raises(UserErrorException, match="slots"):
        target.slots = 0  # type: ignore[attr-defined]


def test_outside_of_a_run_there_is_an_offline_one_or_an_error() -> None:
    assert Run.get_context().id.startswith("OfflineRun")
    with pytest.raises(RunEnvironmentException, match="not started by Trainshed"):
        Run.get_context(allow_offline=False)
    with pytest.raises(RunEnvironmentException):
        Run.get_submitted_run()


@pytest.mark.own_folder
def test_a_workspace_is_deleted_with_its_service(workspace: Workspace, project: Path) -> None:
    made = Workspace.create("short-lived")
    Experiment(made, "e").submit(as_it_is(project, "pass")).wait_for_completion()
    made.connection.close()
    made.delete()
    assert not made.path.exists()
    assert "short-lived" not in Workspace.list()
