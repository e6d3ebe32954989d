"""Runs that a program logs by itself, their children, and the whole client inside of a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from trainshed import Experiment, Run, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.errors import ActivityFailedException, SnapshotException, UserErrorException

PROGRAM = """
import sys
from trainshed import Workspace, Experiment
run = Experiment(Workspace(), "hand").start_logging(snapshot_directory=None)
run.log("a", 1)
run.flush()  # a program that is killed beside a service elsewhere may not have sent its last lines
print(run.id, flush=True)
if sys.argv[1] == "wait":
    sys.stdin.read()
if sys.argv[1] == "raise":
    raise ValueError
"""


@pytest.fixture
def experiment(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "notes.txt").write_text("kept")
    monkeypatch.chdir(folder)
    return Experiment(workspace, "hand")


def test_a_block_is_a_run(experiment: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    with experiment.start_logging(name="by hand", tags={"stage": 1}) as run:
        assert (run.status, run.type, run.name) == ("Running", None, "by hand")
        run.log("loss", 0.5)
        run.log("loss", 0.25)
        run.log_row("table", x=1, y=2)
        print("said within")
        os.makedirs("outputs/deep")
        Path("outputs/deep/model.txt").write_text("weights")
        assert run.get_metrics() == {"loss": [0.5, 0.25], "table": {"x": 1, "y": 2}}
    assert run.status == "Completed"
    assert run.get_file_names() == ["logs/user_log.txt", "outputs/deep/model.txt"]
    assert b"".join(run.read("logs/user_log.txt")) == b"said within\n"
    assert "said within" in capsys.readouterr().out
    assert run.get_tags() == {"stage": "1"}
    details = run.get_details()
    assert "target" not in details or not details["target"]
    assert run.get_snapshot_id()
    run.log("afterwards", 1)
    assert run.get_metrics()["afterwards"] == 1
    assert experiment.workspace.get_run(run.id).get_metrics()["afterwards"] == 1


def test_a_block_that_raises_is_a_failed_run(experiment: Experiment) -> None:
    with pytest.raises(ZeroDivisionError), experiment.start_logging(snapshot_directory=None) as run:
        _ = 1 / 0
    assert run.status == "Failed"
    assert "ZeroDivisionError: division by zero" in run.get_details()["error"]["error"]["message"]


def test_cancelled_from_elsewhere(experiment: Experiment) -> None:
    with experiment.start_logging(snapshot_directory=None) as run:
        experiment.workspace.get_run(run.id).cancel()
        assert experiment.workspace.get_run(run.id).wait_for_completion().status == "Canceled"
    assert run.status == "Canceled"


def test_fail_with_words(experiment: Experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    run.fail("diverged", error_code="NaN")
    run.complete()  # what was said first stands
    assert run.status == "Failed"
    assert run.get_details()["error"]["error"]["message"] == "NaN: diverged"


def test_snapshots_of_what_is_not_there(experiment: Experiment) -> None:
    with pytest.raises(SnapshotException, match="no file or folder 'nowhere'"):
        experiment.start_logging(snapshot_directory="nowhere")
    os.symlink("/etc", "out")
    with pytest.raises(SnapshotException):
        experiment.start_logging()
    with pytest.raises(UserErrorException, match="no parameter 'snapshot'"):
        experiment.start_logging(snapshot=None)


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("end", "Completed", None),
        ("raise", "Failed", "User program failed with ValueError"),
        ("wait", "Failed", "without calling run.com"),
    ],
)
def test_a_run_ends_with_its_program(experiment: Experiment, how: str, status: str, told: str | None) -> None:
    Path("program.py").write_text(PROGRAM)
    program = subprocess.Popen(
        [sys.executable, "program.py", how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert program.stdin is not None
    assert program.stdout is not None
    run = experiment.workspace.get_run(program.stdout.readline().decode().strip())
    if how == "wait":
        assert run.status == "Running"
        program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdin.close()
    program.stdout.close()
    details = run.wait_for_completion(raise_on_error=False)
    assert details.status == status
    assert run.get_metrics() == {"a": 1}
    if told:
        assert told in details["error"]["error"]["message"]


RECORDED = """
import os, subprocess, sys
from azureml.core import Run
run = Run.get_context()
assert Run.get_context() is run
run.log("loss", 0.25)
os.makedirs("outputs", exist_ok=True)
with open("outputs/model.txt", "w") as file:
    file.write("model")
print("seen by both")
if sys.argv[1] == "parent":
    subprocess.run([sys.executable, __file__, "child"], check=True)
raise SystemExit if sys.argv[1] != "raise" else ValueError("odd")
"""


@pytest.mark.parametrize(("how", "status"), [("parent", "Completed"), ("with", "Completed"), ("raise", "Failed")])
def test_a_program_started_by_hand_keeps_its_record(experiment: Experiment, how: str, status: str) -> None:
    as_block = RECORDED.replace('run.log("loss", 0.25)', 'with run:\n    run.log("loss", 0.25)')
    Path("program.py").write_text(as_block if how == "with" else RECORDED)
    environ = {**os.environ, "TRAINSHED_RECORD": "by-hand"}
    said = subprocess.run([sys.executable, "program.py", how], env=environ, capture_output=True, text=True, check=False)
    run: Any = next(Experiment(experiment.workspace, "by-hand").get_runs())
    assert (run.status, run.name, run.get_metrics()) == (status, "program.py", {"loss": 0.25}), said.stderr
    if how == "with":
        return  # it ended with the block
    assert "seen by both" in said.stdout
    assert {"outputs/model.txt", "logs/user_log.txt"} <= set(run.get_file_names())
    log = b"".join(run.read("logs/user_log.txt")).decode()
    assert log == "seen by both\n" if how == "parent" else log.endswith("ValueError: odd\n")
    assert run.get_snapshot_id()


def test_only_the_first_rank_keeps_a_record(experiment: Experiment) -> None:
    Path("program.py").write_text(RECORDED)
    environ = {**os.environ, "TRAINSHED_RECORD": "by-hand", "RANK": "1"}
    said = subprocess.run(
        [sys.executable, "program.py", "rank"], env=environ, capture_output=True, text=True, check=True
    )
    assert "Attempted to log scalar metric loss" in said.stdout
    assert list(Experiment(experiment.workspace, "by-hand").get_runs()) == []


def test_children(experiment: Experiment) -> None:
    with experiment.start_logging(snapshot_directory=None) as run:
        with run.child_run("fold 1") as child:
            child.log("score", 1)
        assert (child.status, child.name, child.parent) == ("Completed", "fold 1", run)
        one, two = run.create_children(tag_key="fold", tag_values=[1, 2])
        assert (one.status, two.get_tags()) == ("NotStarted", {"fold": "2"})
        one.start()
        assert one.status == "Running"
        one.complete()
        assert len(run.create_children(count=3)) == 3
    for wrong in ({}, {"count": 1, "tag_key": "k", "tag_values": [1]}, {"tag_key": "k"}, {"count": 0}, {"count": 101}):
        with pytest.raises(UserErrorException, match="create_children"):
            run.create_children(**wrong)


@pytest.mark.own_folder
def test_a_service_that_was_killed_finds_them_again(experiment: Experiment) -> None:
    run = experiment.start_logging(snapshot_directory=None)
    connection = experiment.workspace.connection
    os.kill(connection.call("GET", "/service")["pid"], signal.SIGKILL)
    run.log("after", 1)
    assert run.get_metrics() == {"after": 1}
    assert run.status == "Running"
    run.complete()
    assert run.status == "Completed"


def submitted(experiment: Experiment, project: Path, python: str, script: str) -> Run:
    (project / "train.py").write_text(script)
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = python
    return experiment.submit(ScriptRunConfig(str(project), "train.py", run_config=config))


def test_a_submitted_run_can_be_failed(experiment: Experiment, project: Path, this_python: str) -> None:
    run = submitted(experiment, project, this_python, "import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    run.fail("the data was wrong", error_code="DataError")
    assert run.get_status() == "Failed"
    error = run.get_details()["error"]["error"]
    assert (error["message"], error["reason"]) == ("DataError: the data was wrong", "failed_by_user")
    with pytest.raises(ActivityFailedException, match="DataError: the data was wrong"):
        run.wait_for_completion()
    run.fail("again")
    run.complete()
    assert run.get_details()["error"]["error"]["message"] == "DataError: the data was wrong"


def test_a_run_that_is_failed_while_it_waits_never_starts(
    experiment: Experiment, workspace: Workspace, project: Path, this_python: str
) -> None:
    local: Any = workspace.compute_targets["local"]
    local.slots = 1
    first = submitted(experiment, project, this_python, "import time\ntime.sleep(600)\n")
    second = submitted(experiment, project, this_python, "print('begun')\n")
    second.fail()
    assert second.get_status() == "Failed"
    assert second.get_details()["error"]["error"]["message"] == "run.fail() was called."
    assert "startTimeUtc" not in second.get_details()
    first.cancel()


def test_complete_leaves_a_submitted_run_to_its_script(
    experiment: Experiment, project: Path, this_python: str, caplog: pytest.LogCaptureFixture
) -> None:
    go = project.parent / "go"
    script = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
    run = submitted(experiment, project, this_python, script)
    run.start()
    run.complete()
    assert f"Run {run.id} completes when its script exits" in caplog.text
    go.touch()
    assert run.wait_for_completion().status == "Completed"
    run.complete()
    run.fail("too late")
    assert f"Run {run.id} has already ended: it stays Completed." in caplog.text
    assert run.get_status() == "Completed"


def test_the_whole_client_inside_of_a_run(experiment: Experiment, project: Path, this_python: str) -> None:
    (project / "train.py").write_text(
        "from azureml.core import Run, Workspace, Experiment\n"
        "from azureml.core.runconfig import RunConfiguration\n"
        "from azureml.train.estimator import Estimator\n"
        "from azureml.exceptions import UserErrorException\n"
        "import azureml.core, trainshed\n"
        "run = Run.get_context()\n"
        "assert isinstance(run.experiment, Experiment), run.experiment\n"
        "assert run.experiment.workspace.get_default_datastore().name == 'workspaceblobstore'\n"
        "assert run.number == 1 and run.tags == {'t': 'v'}, (run.number, run.tags)\n"
        "with run.child_run('kid') as kid:\n"
        "    kid.log('k', 7)\n"
        "assert kid.parent.id == run.id and kid.get_metrics() == {'k': 7}\n"
        "assert Run.get(run.experiment.workspace, run.id).status == 'Running'\n"
        "assert Run(run.experiment, run.id).id == run.id\n"
        "try:\n"
        "    run.download_file('none')\n"
        "except UserErrorException:\n"
        "    print('one tree of exceptions')\n"
        "try:\n"
        "    Experiment(run.experiment.workspace, 'no name')\n"
        "except UserErrorException:\n"
        "    print('in both')\n"
    )
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    run = experiment.submit(ScriptRunConfig(str(project), "train.py", run_config=config), tags={"t": "v"})
    run.wait_for_completion()
    assert b"".join(run.read("azureml-logs/70_driver_log.txt")) == b"one tree of exceptions\nin both\n"


def test_the_variables_of_v1(experiment: Experiment, project: Path, this_python: str) -> None:
    (project / "train.py").write_text(
        "import json, os\nfrom azureml.core import Run\n"
        "with Run.get_context().child_run() as kid: pass\n"
        "json.dump(dict(os.environ), open('outputs/env.json', 'w'))\n"
    )
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    run = experiment.submit(ScriptRunConfig(str(project), "train.py", run_config=config))
    run.wait_for_completion()
    found = json.loads(b"".join(run.read("outputs/env.json")))
    named = {
        **dict.fromkeys(("AZUREML_RUN_ID", "AZUREML_ROOT_RUN_ID", "TRAINSHED_RUN_ID"), run.id),
        **dict.fromkeys(("AZUREML_ARM_PROJECT_NAME", "AZUREML_EXPERIMENT_ID"), "hand"),
        **dict.fromkeys(("AZUREML_ARM_SUBSCRIPTION", "AZUREML_ARM_RESOURCEGROUP", "AZUREML_TARGET_TYPE"), "local"),
        **dict.fromkeys(("AZUREML_ARM_WORKSPACE_NAME", "AZUREML_WORKSPACE_ID"), "default"),
        "AZUREML_DATA_CONTAINER_ID": f"dcid.{run.id}",
        "AZUREML_PROCESS_NAME": "main",
        "AZUREML_NODE_COUNT": "1",
        "AZUREML_OUTPUT_DIRECTORY": "./outputs",
        "AZUREML_DRIVERLOG_PATH": "azureml-logs/70_driver_log.txt",
        "AZ_BATCHAI_TASK_INDEX": "0",
        "EXAMPLE_ENV_VAR": "EXAMPLE_VALUE",
    }
    assert {name: found.get(name) for name in named} == named
    for name in ("AZUREML_RUN_TOKEN", "AZUREML_EXPERIMENT_SCOPE", "AZUREML_WORKSPACE_SCOPE", "AZ_BATCHAI_JOB_TEMP"):
        assert found[name]
    assert experiment.workspace.connection._token not in json.dumps(found)


def test_a_script_that_raises_is_told_as_v1_did(experiment: Experiment, project: Path, this_python: str) -> None:
    (project / "train.py").write_text("raise ValueError('no such\\n  column')\n")
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    run = experiment.submit(ScriptRunConfig(str(project), "train.py", run_config=config))
    error = run.wait_for_completion(raise_on_error=False)["error"]["error"]
    assert error["code"] == "UserError"
    assert error["message"].endswith("exit code 1. User program failed with ValueError: no such")
    assert (error["debugInfo"]["type"], error["debugInfo"]["message"]) == ("ValueError", "no such")
    assert "train.py" in error["debugInfo"]["stackTrace"]


def test_the_folders_of_v1_are_there_and_names_may_begin_with_a_dot(experiment: Experiment, tmp_path: Path) -> None:
    with experiment.start_logging(snapshot_directory=None) as run:
        Path("outputs", "model.txt").write_text("model")
        Path("logs", "words.txt").write_text("words")
        run.upload_file("./plots/a.txt", "./logs/words.txt")
    assert run.register_model("m", "./outputs/model.txt").version == 1
    run.download_file("./plots/a.txt", tmp_path / "a.txt")
    run.download_files("./outputs", tmp_path / "all")
    assert (tmp_path / "a.txt").read_text() == "words"
    assert (tmp_path / "all" / "outputs" / "model.txt").read_text() == "model"


def test_names_may_begin_with_a_dot_in_a_script(experiment: Experiment, project: Path, this_python: str) -> None:
    (project / "train.py").write_text(
        "from azureml.core import Run\nrun = Run.get_context()\nopen('outputs/a.txt', 'w').write('a')\n"
        "run.upload_file('./more/b.txt', './outputs/a.txt')\nprint(run.register_model('n', './outputs/a.txt').version)"
    )
    config = RunConfiguration()
    config.environment.python.interpreter_path = this_python
    config.environment.python.user_managed_dependencies = True
    src = ScriptRunConfig(str(project), "train.py", run_config=config)
    src.arguments = None  # as some programs for v1 do
    run = experiment.submit(src)
    run.wait_for_completion()
    assert "more/b.txt" in run.get_file_names()
