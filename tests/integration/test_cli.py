"""The command line over the real service and real runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from shell import Shell

from trainshed import Dataset, Workspace

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def sh(capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capfd)


SCRIPT = """
import argparse, os, sys
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--exit", type=int, default=0)
args = parser.parse_args()
print("alpha is", args.alpha, os.environ.get("SEED"))
Run.get_context().log("alpha", args.alpha)
open("outputs/model.txt", "w").write("model")
sys.exit(args.exit)
"""


@pytest.fixture
def submitted(sh: Shell, project: Path) -> str:
    (project / "train.py").write_text(SCRIPT)
    words = ["submit", project, "--use-python", sys.executable, "-e", "SEED=7", "--tag", "a=b", "--experiment", "trial"]
    return sh(*words, "--", "--alpha", "0.8").strip()


def test_from_submit_to_the_model(sh: Shell, submitted: str, tmp_path: Path) -> None:
    assert sh("wait", submitted) == f"{submitted} Completed\n"
    assert sh("logs", submitted[:-2]) == "alpha is 0.8 7\n"
    assert "alpha is 0.8 7\n" in sh("logs", "-f", "@last")
    assert sh.json("metrics", "@last") == {"alpha": 0.8}
    assert sh("metrics", "@last", "alpha").split() == ["METRIC", "VALUE", "alpha", "0.8"]
    assert "outputs/model.txt" in sh("files", "@last")
    sh("get", "@last", "outputs/model.txt", "-o", tmp_path / "m.txt")
    assert (tmp_path / "m.txt").read_text() == "model"
    sh("get", "@last", "outputs/", "-o", tmp_path / "all")
    assert (tmp_path / "all" / "outputs" / "model.txt").is_file()
    shown = sh("show", submitted)
    for word in (submitted, "Completed", "train.py --alpha 0.8", "a=b", "alpha = 0.8"):
        assert word in shown
    assert sh.json("show", submitted)["status"] == "Completed"


READS = """
import argparse, pathlib
parser = argparse.ArgumentParser()
for name in ("--here", "--data-folder", "--rows", "--alpha"):
    parser.add_argument(name)
args = parser.parse_args()
for path in (args.here, args.data_folder, args.rows):
    found = pathlib.Path(path)
    found = found if found.is_file() else found / "numbers.txt"
    print(found.read_text(), args.alpha)
"""


def test_data_is_given_to_the_script(sh: Shell, project: Path, tmp_path: Path, workspace: Workspace) -> None:
    (project / "train.py").write_text(READS)
    (tmp_path / "mine").mkdir()
    for number, name in enumerate(("one.txt", "mine/numbers.txt", "numbers.txt")):
        (tmp_path / name).write_text(str(number))
    store = workspace.get_default_datastore()
    store.upload_files([str(tmp_path / "numbers.txt")], target_path="digits", show_progress=False)
    store.upload_files([str(tmp_path / "one.txt")], target_path="rows", show_progress=False)
    Dataset.File.from_files((store, "rows/one.txt")).register(workspace, "rows")
    data = (f"here={tmp_path / 'mine'}", f"data-folder=datastore://{store.name}/digits", "rows=dataset://rows:1")
    words = ["submit", project, "--use-python", sys.executable, "--follow", *(f"--data={each}" for each in data)]
    assert "1 3\n2 3\n0 3\n" in sh(*words, "--", "--alpha", "3")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("here", "--data 'here' must be of the form NAME=WHERE"),
        ("here=nowhere", "--data here: there is no file or folder 'nowhere'."),
        ("here=datastore://elsewhere/x", "There is no datastore 'elsewhere'"),
        ("here=dataset://digits:one", "The version of a dataset is a number or 'latest', not 'one'."),
    ],
)
def test_data_that_is_not_there_is_told_before_the_run(sh: Shell, project: Path, data: str, said: str) -> None:
    sh("submit", project, "--data", data, code=2)
    assert said in sh.err
    assert sh.json("runs") == []


def test_runs_are_listed_and_filtered(sh: Shell, submitted: str) -> None:
    sh("wait", submitted)
    assert submitted in sh("runs")
    assert [run["id"] for run in sh.json("runs", "--tag", "a=b", "--experiment", "trial", "--status", "Completed")] == [
        submitted
    ]
    assert sh.json("runs", "--tag", "a=c") == sh.json("runs", "--experiment", "none") == []


def test_a_terminal_gets_colours_and_the_address_of_the_page(sh: Shell, submitted: str) -> None:
    sh("wait", submitted)
    terminal, end = os.openpty()
    argv = [sys.executable, "-m", "trainshed", "runs"]
    plain = {**os.environ, "TERM": "xterm"}
    plain.pop("NO_COLOR", None)
    for environ in (plain, {**plain, "NO_COLOR": "1"}):
        done = subprocess.run(argv, env=environ, stdout=end, stderr=subprocess.PIPE, text=True, check=True)
        assert ("\x1b[32mCompleted" in os.read(terminal, 1 << 16).decode()) is (environ is plain)
        assert done.stderr.startswith("Page: http://")
    os.close(end)
    os.close(terminal)


def test_runs_are_sorted_by_what_they_logged(sh: Shell, submitted: str) -> None:
    other = sh("rerun", submitted, "-e", "SEED=8", "--", "--alpha", "0.3").strip()
    for run in (submitted, other):
        sh("wait", run)
    lines = sh("runs", "--columns", "alpha", "--sort", "alpha", "--ascending").splitlines()
    head, *rows = [line.split() for line in lines]
    at = head.index("alpha") + 1  # a time has two words
    assert [(row[0], row[at]) for row in rows] == [(other, "0.3"), (submitted, "0.8")]
    assert [row["id"] for row in sh.json("runs", "alpha<0.5", "status:completed")] == [other]
    assert [row["id"] for row in sh.json("runs", "--sort", "started", "--limit", "1", "--tag", "a=b")] == [other]
    listed = {row["id"]: row for row in sh.json("runs")}
    for row in sh.json("runs", "--columns", "alpha"):  # the same names, and what was chosen
        shown = {**row.pop("parameters"), **row.pop("metrics")}
        assert float(shown["alpha"]) == (0.3 if row["id"] == other else 0.8)
        assert row == listed[row["id"]]
    sh("runs", "--sort", "alhpa", code=2)
    assert "No run has a metric or a parameter 'alhpa'. Did you mean 'alpha'?" in sh.err
    assert sh("runs", "--status", "COMPLETED").count("Completed") == 2
    assert sh("runs", "--status", "failed,completed").count("Completed") == 2
    sh("runs", "--columns", "nothing", code=2)
    assert "No run has a metric or a parameter 'nothing'. There are: " in sh.err


def test_a_run_is_repeated_and_compared(sh: Shell, submitted: str) -> None:
    sh("wait", submitted)
    sh("rerun", submitted, code=2)
    assert f"Pass them again: trainshed rerun {submitted} -e SEED=VALUE" in sh.err
    again = sh("rerun", submitted, "-e", "SEED=7").strip()
    sh("wait", again)
    assert sh("logs", again) == "alpha is 0.8 7\n"
    assert sh("diff", submitted, again).startswith("The runs do not differ")
    other = sh("rerun", "@last", "-e", "SEED=7", "--", "--alpha", "0.1", "--exit", "3").strip()
    sh("wait", other, code=3)
    found = sh.json("diff", submitted, other)
    assert found["parameter"] == {"alpha": [0.8, 0.1], "exit": [None, 3]}
    assert (found["metric"], found["package"], found["source"]["files"]) == ({"alpha": [0.8, 0.1]}, {}, [])


def test_the_source_of_two_runs_is_compared(sh: Shell, submitted: str, project: Path) -> None:
    (project / "train.py").write_text(SCRIPT.replace("alpha is", "now alpha is"))
    other = sh("submit", project, "--use-python", sys.executable, "--", "--alpha", "0.8").strip()
    text = sh("diff", submitted, other)
    assert '-print("alpha is"' in text
    assert '+print("now alpha is"' in text


def test_tags_are_set_and_removed(sh: Shell, submitted: str) -> None:
    assert sh.json("tag", submitted, "good=yes", "seen") == {"a": "b", "good": "yes", "seen": None}
    assert sh.json("tag", "@last", "--remove", "a") == {"good": "yes", "seen": None}
    assert sh("tag", submitted).splitlines()[1].split() == ["good", "yes"]
    sh("tag", submitted, "=x", code=2)
    assert "must be of the form KEY or KEY=VALUE" in sh.err


def test_the_end_of_a_log(sh: Shell, project: Path, this_python: str) -> None:
    (project / "train.py").write_text("for i in range(40000):\n    print('line', i)\nprint('last')")
    run = sh("submit", project, "--use-python", this_python).strip()
    sh("wait", run)
    assert sh("logs", run, "--tail", "2") == "line 39999\nlast\n"
    assert len(sh("logs", run, "--tail", "20000", "--follow").splitlines()) == 20000
    assert len(sh("logs", run, "--tail", "90000").splitlines()) == 40001


def test_several_runs_are_cancelled_at_once(sh: Shell, project: Path, this_python: str, workspace: Workspace) -> None:
    (project / "train.py").write_text("import signal; signal.pause()")
    workspace.connection.call("PUT", "/targets/local", {"kind": "local", "slots": 1})
    runs = [sh("submit", project, "--use-python", this_python).strip() for _ in range(2)]
    # Who waits for one that waits is told so.
    argv = [sys.executable, "-m", "trainshed", "logs", "-f", runs[1]]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        assert watching.stderr.readline().startswith(f"{runs[1]}: waiting until this machine has room for it.")
        sh("cancel", *runs, "nothing", code=1)
        assert "nothing" in sh.err
    for run in runs:
        sh("wait", run, code=130)


def test_a_shell_completes_commands_and_runs(sh: Shell, submitted: str) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "trainshed" in sh("completion", shell)

    def completed(line: str) -> list[str]:
        asked = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n"}
        # The answer comes on a descriptor of its own.
        command = ["bash", "-c", 'exec 8>&1 9>/dev/null; exec "$0" -m trainshed', sys.executable]
        told = subprocess.run(command, env={**os.environ, **asked}, capture_output=True, text=True, check=False)
        return [word.strip() for word in told.stdout.splitlines()]

    assert completed("trainshed canc") == ["cancel"]
    assert completed("trainshed show ") == ["@last", submitted]
    assert "--columns" in completed("trainshed runs --c")


@pytest.mark.own_folder
def test_workspaces_are_listed(sh: Shell, submitted: str) -> None:
    (found,) = sh.json("workspaces")
    assert found["name"] == "default"
    assert submitted.startswith("trial_")


def test_every_command_takes_json_in_one_style_of_names(sh: Shell, submitted: str, tmp_path: Path) -> None:
    sh("wait", submitted)
    lines = [json.loads(line) for line in sh("logs", submitted, "--json").splitlines()]
    assert lines == [{"file": "azureml-logs/70_driver_log.txt", "line": "alpha is 0.8 7"}]
    assert {"file": lines[0]["file"], "line": "alpha is 0.8 7"} in map(
        json.loads, sh("logs", "-f", submitted, "--json").splitlines()
    )
    assert all(set(json.loads(line)) == {"file", "line"} for line in sh("service", "logs", "--json").splitlines())
    records = [
        sh.json(*words) for words in (("show", submitted), ("wait", submitted), ("target",), ("files", submitted))
    ]
    records += [sh.json("runs"), sh.json("service", "status"), sh.json("metrics", submitted), sh.json("environments")]
    written = sh.json("get", submitted, "outputs/model.txt", "-o", tmp_path / "m.txt")
    assert written == [str(tmp_path / "m.txt")]
    assert records[0]["metrics"] == {"alpha": 0.8}

    def names(value: Any) -> set[str]:
        if isinstance(value, dict):
            return {key for key in value if key not in ("properties",)}.union(
                *(names(each) for key, each in value.items() if key != "properties")
            )
        return set().union(*map(names, value)) if isinstance(value, list) else set()

    assert {name for name in names(records) if name != name.lower()} - {"SEED"} == set()


def test_a_file_may_go_to_the_output(
    sh: Shell, submitted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sh("wait", submitted)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert sh("get", submitted, "outputs/model.txt", "-o", "-") == "model"
    assert sorted(tmp_path.iterdir()) == before
    sh("get", submitted, "outputs/", "-o", "-", code=2)
    sh("get", submitted, "outputs/model.txt", "-o", "/proc/none/m.txt", code=1)
    assert "/proc/none" in sh.err
    assert sh.err.count("\n") == 1


@pytest.mark.parametrize("command", ["show", "logs", "files", "cancel"])
def test_an_empty_name_is_no_run(sh: Shell, submitted: str, command: str) -> None:
    sh(command, "", code=2)
    assert "RUN is empty" in sh.err
    sh("wait", submitted)


def test_an_error_is_printed_once(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text("")
    out = sh("submit", project, "-p", "/no/such/wheel-1-py3-none-any.whl", "--follow", code=1)
    cause = next(line for line in out.splitlines() if line.startswith("error:"))
    assert (out + sh.err).count(cause) == 1
    assert sh.err.splitlines()[-1].endswith("The packages could not be installed")
    assert sh("show", "@last").count(cause) == 1


def test_a_python_that_is_none_is_refused(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text("")
    sh("submit", project, "--python", "abc", code=2)
    assert "'abc' is not a version" in sh.err
    assert sh.json("runs") == []


def test_what_has_ended_cannot_be_cancelled(sh: Shell, submitted: str) -> None:
    sh("wait", submitted)
    sh("cancel", submitted, code=2)
    assert "has already ended: Completed" in sh.err


def test_advice_is_about_the_command_line(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text("")
    sh("target", "nodes", "--nodes", "1")
    sh("submit", project, "--target", "nodes", "--nodes", "2", "--backend", "gloo", code=2)
    assert "raise the limit: trainshed target nodes --nodes 2." in sh.err


def test_the_exit_code_is_the_runs_own(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text(SCRIPT)
    words = ["submit", project, "--use-python", sys.executable, "--follow", "--", "--alpha", "1", "--exit", "7"]
    out = sh(*words, code=7)
    assert "alpha is 1.0 None" in out
    assert "exit code 7" in sh.err
    sh("wait", "@last", code=7)
    (project / "train.py").write_text("import os; os.kill(os.getpid(), 9)")
    sh("submit", project, "--use-python", sys.executable, "--follow", code=128 + signal.SIGKILL)
    assert "out of memory" in sh.err


def test_cancel(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text("import signal; signal.pause()")
    run = sh("submit", project, "--use-python", sys.executable).strip()
    assert run in sh("cancel", run)
    sh("wait", run, code=130)
    assert "was cancelled" in sh.err


def test_what_is_not_there_is_one_line_with_the_nearest(sh: Shell, submitted: str) -> None:
    sh("wait", submitted)
    sh("show", submitted[:-1] + "z", code=2)
    assert "Did you mean" in sh.err
    sh("get", submitted, "outputs/modl.txt", code=2)
    assert "Did you mean 'outputs/model.txt'?" in sh.err
    sh("metrics", submitted, "beta", code=2)
    sh("get", submitted, "none/", code=2)
    sh("submit", ".", "--script", "none.py", code=2)
    assert sh.err.count("\n") == 1


def test_no_runs_yet(sh: Shell) -> None:
    assert sh("runs").split()[0] == "RUN"
    sh("show", "@last", code=2)
    assert "trainshed submit" in sh.err


@pytest.mark.own_folder
def test_the_service_and_the_target(sh: Shell, workspace: Workspace) -> None:
    assert sh.json("service", "status")["running"] in (True, False)
    assert "running: pid" in sh("service", "start")
    assert "serving" in sh("service", "logs")
    sh("target", "local", "--slots", "5")
    [target] = sh.json("target")
    assert {key: target[key] for key in ("name", "kind", "slots", "used")} == {
        "name": "local",
        "kind": "local",
        "slots": 5,
        "used": 0,
    }
    sh("target", "locl", code=2)
    assert "Did you mean 'local'" in sh.err
    assert "stopped" in sh("service", "stop")
    assert "not running" in sh("service", "status")
    assert sh.json("target")[0]["slots"] == 5
    workspace.connection.close()


@pytest.mark.own_folder
def test_a_setting_that_a_running_service_does_not_see_is_told(
    sh: Shell, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sh("service", "start")
    sh("runs")
    assert caplog.messages == []
    monkeypatch.setenv("TRAINSHED_CONDA_CHANNELS", "https://user:secret@host/channel")
    sh("runs")
    sh("service", "status")
    told, again = caplog.messages
    assert told == again
    assert "does not see your setting of TRAINSHED_CONDA_CHANNELS" in told
    assert "trainshed service stop" in told
    assert "secret" not in told
    sh("service", "stop")
    sh("runs")
    assert caplog.messages == [told, again]


def test_many_processes_on_nodes(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text("import os; print(os.environ['AZ_BATCH_NODE_ID'], os.environ['RANK'])")
    many = ("submit", project, "--use-python", sys.executable, "--target", "nodes", "--processes", "1", "--nodes", "2")
    sh(*many, "--backend", "gloo", code=2)
    assert "'nodes'" in sh.err
    [made] = sh.json("target", "nodes", "--nodes", "1")
    assert made["max_nodes"] == 1
    sh(*many, "--backend", "gloo", code=2)
    assert "has at most 1" in sh.err
    sh("target", "nodes", "--nodes", "2")
    sh(*many, code=2)
    assert "--backend" in sh.err
    said = sh(*many, "--backend", "gloo", "--follow")
    assert sorted(line for line in said.splitlines() if line.startswith("[rank")) == [
        "[rank 0] node-0 0",
        "[rank 1] node-1 1",
    ]
    sh("target", "local", "--nodes", "2", code=2)
    assert "is one node" in sh.err
    sh("target", "nodes", "--slots", "2", code=2)
    assert "is a cluster" in sh.err


def test_environments_are_listed_and_pruned(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text("print('x')")
    sh("submit", str(project), "-p", "six", "--follow")
    assert "six==" in sh("environments")
    assert "removed 0" in sh("environments", "--prune", "1")
    assert "removed 1" in sh("environments", "--prune", "0")
    assert "six==" not in sh("environments")


def test_control_characters_of_a_script_do_not_reach_the_terminal(sh: Shell, project: Path, this_python: str) -> None:
    (project / "train.py").write_text(
        "from azureml.core import Run\nrun = Run.get_context()\nrun.log('m\\x1b[2J', 1)\n"
        "run.tag('t', '\\x1b]0;title\\x07')\nopen('outputs/\\x1b[31m.txt', 'w').close()\nraise ValueError('\\x9b31m')"
    )
    sh("submit", str(project), "--use-python", this_python)
    sh("wait", "@last", code=1)
    shown = [sh(*words) for words in (["show", "@last"], ["files", "@last"], ["metrics", "@last"], ["runs"])]
    for text in (*shown, sh.err):
        assert not {char for char in text if not char.isprintable()} - {"\n"}
    assert r"outputs/\x1b[31m.txt" in shown[1]
    assert "[2J" in shown[2]
