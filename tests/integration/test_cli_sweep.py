"""``trainshed sweep`` over the real service and real runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from shell import Shell

pytestmark = pytest.mark.usefixtures("shared_workspace")


@pytest.fixture
def sh(capfd: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capfd)


SWEPT = """
import argparse
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
parser.add_argument("--kind")
parser.add_argument("--epochs", type=int)
parser.add_argument("--table")
args = parser.parse_args()
if args.table:
    print("read", open(args.table).read())
Run.get_context().log("loss", args.alpha * args.epochs)
"""


def test_a_sweep(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text(SWEPT)
    words = ["sweep", project, "--use-python", sys.executable, "--metric", "loss", "--minimize", "--seed", 3]
    space = ["--param", "alpha=choice(0.5, 0.25)", "--param", "--kind=a b"]
    sh("sweep", "show", code=2)
    assert "There are no sweeps yet" in sh.err
    said = sh(*words, *space, "--sampling", "grid", "--policy", "median(2)", "--follow", "--", "--epochs", "2")
    run = said.splitlines()[0]
    assert "Changing Run Status from Running to Completed" in said
    assert sh("logs", run) in said
    assert sh("sweep", "best").strip() == sh("sweep", "best", run).strip() == f"{run}_1"
    shown = sh("sweep", "show", run[:10])
    assert f"Sweep {run}: Completed, 2 of at most 20 runs" in shown
    head, *rows = sh("sweep", "show", "--csv").splitlines()
    assert head == "number,run_id,status,best,stopped_at,attempt,alpha,--kind"
    assert rows == [f"1,{run}_1,Completed,0.5,,1,0.25,a b", f"0,{run}_0,Completed,1.0,,1,0.5,a b"]
    found = sh.json("sweep", "show")
    assert (found["sweep"]["policy"]["name"], found["sweep"]["seed"]) == ("median_stopping", 3)
    assert sh.json("sweep", "best")["id"] == f"{run}_1"
    sh("sweep", "show", f"{run}_1", code=2)
    assert "is not a sweep" in sh.err
    bayesian = ("--sampling", "bayesian", "--param", "alpha=loguniform(-3, 0)")
    more = sh(*words, *bayesian, "--resume-from", run, "--runs", 2, "--", "--epochs", "1").strip()
    assert sh("sweep", "stop", more).strip() in ("CancelRequested", "Canceled")
    sh("wait", more, code=130)
    rest = sh("sweep", "resume", more, "--at-once", 1, "--follow").splitlines()[0]
    ends = [trial["status"] for name in (more, rest) for trial in sh.json("sweep", "show", name)["trials"]]
    assert ends.count("Completed") == 2
    sh("sweep", "resume", rest, code=2)
    assert "pass the number of further runs with --runs" in sh.err
    sh("sweep", "resume", "--seed", 1, code=2)
    assert "'trainshed sweep resume' does not accept --seed" in sh.err


OF_V1 = """
sampling:
  type: grid
  parameter_space:
  - name: --alpha
    expression: choice
    values: [0.5, 0.25]
  - name: --kind
    expression: choice
    values: [a b]
policy:
  type: BanditPolicy
  evaluation_interval: 1
  slack_factor: 0.2
primary_metric_name: loss
primary_metric_goal: Minimize
max_total_runs: 8
max_concurrent_runs: 2
max_duration_minutes: 100
"""
OF_OURS = """
folder: proj
param:
  alpha: choice(0.5, 0.25)
  --kind: [a b]
metric: loss
minimize: true
sampling: grid
runs: 8
policy: median
arguments: [--epochs, 3]
tag: {stage: file}
data: {table: proj/table.csv}
"""


def test_a_sweep_that_a_file_describes(sh: Shell, project: Path) -> None:
    (project / "train.py").write_text(SWEPT)
    (project / "table.csv").write_text("1,2")
    ours, of_v1 = project.parent / "sweep.yml", project.parent / "hyperdrive.yaml"
    ours.write_text(OF_OURS.replace("proj", project.name))
    of_v1.write_text(OF_V1)
    use = ("--use-python", sys.executable, "--follow")
    for words, policy, epochs in (([ours], "median_stopping", 3), ([of_v1, project, "--seed", 4], "bandit", 2)):
        arguments = [] if epochs == 3 else ["--", "--epochs", epochs]
        sh("sweep", *words, *use, "--runs", 3, *arguments)
        found = sh.json("sweep", "show")
        assert [trial["best"] for trial in found["trials"]] == [0.25 * epochs, 0.5 * epochs]
        assert (found["sweep"]["policy"]["name"], found["sweep"]["max_total_runs"]) == (policy, 3)
        assert list(found["trials"][0]["parameters"].values()) == [0.25, "a b"]
        assert ("read 1,2" in sh("logs", found["trials"][0]["run_id"])) == (epochs == 3)
    assert sh.json("runs", "--tag", "stage=file") != []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("metrc: loss", "unknown key 'metrc'. Did you mean 'metric'"),
        ("[1]", "does not describe a sweep"),
        ("metric: [", "is not valid YAML"),
        ("runs: many", "'sweep.yml': Argument --runs: must be a whole number"),
        ("policy: {type: BanditPolic}", "Did you mean 'BanditPolicy'"),
        ("sampling: {type: grid, space: 1}", "sampling must have type and parameter_space"),
        ("sampling: {type: random, parameter_space: [{name: --a}]}", "must have a name, an expression and values"),
        ("minimize: 1", "minimize must be true or false"),
        ("param: {alpha: 'uniform(1, 0)'}\nmetric: loss", "min_value (1) must be below"),
        ("{metric: loss, param: [{name: a, expression: choice, values: []}]}", "choice() has no options"),
    ],
)
def test_a_file_that_describes_no_sweep(
    sh: Shell, project: Path, text: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "sweep.yml").write_text(text)
    monkeypatch.chdir(project)
    sh("sweep", "sweep.yml", code=2)
    assert says in sh.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--metric", "loss"], "needs at least one --param and the --metric"),
        (["--param", "alpha=unifrm(0, 1)", "--metric", "loss"], "Did you mean 'uniform'"),
        (["--param", "alpha=uniform(0)", "--metric", "loss"], "'uniform(0)' has the wrong arguments"),
        (["--param", "alpha=uniform(1, 0)", "--metric", "loss"], "min_value (1) must be below"),
        (["--param", "alpha=choice(1)", "--metric", "loss", "--policy", "bandt"], "Did you mean 'bandit'"),
        (["--param", "alpha=choice(1)", "--metric", "loss", "--policy", "bandit"], "neither is given"),
        (["--param", "alpha=choice(1)", "--metric", "loss", "--alpha", "1"], "Put `--` before the script's arguments"),
        (["RUN", "--param", "alpha=choice(1)", "--metric", "loss"], "trainshed sweep show RUN"),
    ],
)
def test_a_sweep_that_cannot_be(sh: Shell, project: Path, words: list[str], says: str) -> None:
    before = sh.json("runs")
    sh("sweep", project, *words, code=2)
    assert says in sh.err
    assert sh.json("runs") == before
