"""What the check says of programs written for SDK v1, without running them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from azureml import _check
from azureml._check import Report, knowledge
from trainshed.cli.main import main

ROOT = Path(__file__).parents[3]

SWEEP = """\
from azureml.core import Experiment, Workspace
from azureml.pipeline.core import Pipeline
from azureml.pipeline.steps import EstimatorStep
from azureml.train.automl import AutoMLConfig  # never used
from azureml.train.sklearn import SKLearn

ws = Workspace.from_config()
for name, store in ws.datastores.items():
    print(name, store.upload("data"))
est = SKLearn("src", entry_script="train.py", compute_target="local")
step = EstimatorStep(name="train", estimator=est)
run = Experiment(ws, "sweep").submit(Pipeline(ws, [step]))
run.wait_for_completion(show_output=True).get("status")
print(ws.update_dependencies(), unknown.location, len(ws.location))
"""


def checked(folder: Path, source: str, name: str = "program.py") -> dict[str, tuple[str, list[Any]]]:
    """Return name → (status, places) of a program."""
    (folder / name).write_text(source)
    (report,) = _check.check([str(folder / name)])
    assert report.problems == []
    return {each.name: (each.status, each.places) for each in report.names}


def notebook(*cells: str) -> str:
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "# Title"}, *map(code, cells)], "nbformat": 4})


def code(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "source": source.splitlines(keepends=True)}


def bad(folder: Path, source: str, name: str = "program.py") -> dict[str, int]:
    """Return the names of a program that are not here, with the line of the first use."""
    return {
        each.rpartition("azureml.")[2]: places[0][1]
        for each, (status, places) in checked(folder, source, name).items()
        if status == "not here"
    }


def test_each_name_of_a_program_has_its_status(tmp_path: Path) -> None:
    names = checked(tmp_path, SWEEP)
    assert {name for name, (status, _) in names.items() if status == "not here"} == {
        "azureml.pipeline.core.Pipeline",
        "azureml.pipeline.steps.EstimatorStep",
        "azureml.core.Workspace.update_dependencies",
    }
    assert {name for name, (status, _) in names.items() if status == "differs"} == {
        "azureml.core.Experiment",
        "azureml.core.Workspace.from_config",
        "azureml.core.Workspace.location",
        "azureml.train.sklearn.SKLearn",
    }
    assert names["azureml.core.Run.wait_for_completion"] == ("works", [(None, 13)])
    assert names["azureml.train.automl.AutoMLConfig"] == ("works", [(None, 4)])  # to import it is no use of it
    assert names["azureml.core.Workspace.location"] == ("differs", [(None, 14)])


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        # Where a receiver comes from: constructors, results, properties, with, chains, loops, branches, functions.
        ("Workspace.get('x').sync_keys()", {"core.Workspace.sync_keys": 1}),
        ("Run.get_context().experiment.workspace.sync_keys()", {"core.Workspace.sync_keys": 1}),
        ("with Experiment(None, 'x').start_logging() as run:\n    run.experiment.workspace.list_keys()", {"core.Workspace.list_keys": 2}),
        ("def main():\n    ws.sync_keys()\nws = Workspace()", {"core.Workspace.sync_keys": 2}),
        ("def main(ws: Workspace):\n    ws.sync_keys()", {"core.Workspace.sync_keys": 2}),
        ("async def main():\n    run = Run.get_context()\n    run.experiment.workspace.sync_keys()", {"core.Workspace.sync_keys": 3}),
        ("for e in Experiment.list(Workspace()):\n    e.workspace.sync_keys()", {"core.Workspace.sync_keys": 2}),
        ("[e.workspace.sync_keys() for e in Experiment.list(None)]", {"core.Workspace.sync_keys": 1}),
        ("try:\n    ws = Workspace.get('a')\nexcept Exception:\n    ws = Workspace.create('a')\nws.sync_keys()", {"core.Workspace.sync_keys": 5}),
        ("ws, other = Workspace(), 3\nws.sync_keys()", {"core.Workspace.sync_keys": 2}),
        ("ws = Workspace() if 1 else Workspace.get('x')\nws.sync_keys()", {"core.Workspace.sync_keys": 2}),
        ("Run.get_context().log('a', 1).sync_keys()", {}),
        ("class Trainer:\n    def __init__(self):\n        self.ws = Workspace()\n    def go(self):\n        self.ws.sync_keys()", {"core.Workspace.sync_keys": 5}),
        ("class Trainer:\n    def __init__(self, ws):\n        self.ws = ws\n    def go(self):\n        self.ws.sync_keys()", {}),
        ("from azureml.train.hyperdrive import PrimaryMetricGoal\nPrimaryMetricGoal.MAXIMIZE.name", {}),
        # What cannot be told is not guessed.
        ("ws.sync_keys(); run.sync_keys()", {}),
        ("def main(ws):\n    ws.sync_keys()", {}),
        ("ws = Workspace()\nws = other()\nws.sync_keys()", {}),
        ("if x:\n    ws = Workspace()\nelse:\n    ws = other()\nws.sync_keys()", {}),
        ("for name in Environment.list(None):\n    name.startswith('AzureML')", {}),
        ("run = Run.get_context()\nrun.mine = 3\nrun.mine", {}),
        ("class Mine(Run):\n    pass\nMine(None, 'x').sync_keys()", {}),
        # Names and parameters that v1 or we do not have.
        ("Run.get_context().lgo('a', 1)", {"core.Run.lgo": 1}),
        ("Experiment(None, 'x').submit(config).get_best_child()", {}),  # of a run of AutoML
        ("Experiment(None, 'x').submit(config).experiment.workspace.sync_keys()", {"core.Workspace.sync_keys": 1}),
        ("Workspace.create('x', exists_ok=True)", {"core.Workspace.create(exists_ok=)": 1}),
        ("Run.get_context().input_datasets['x'].to_pandas_dataframe()", {}),
        ("ComputeTarget.create(None, 'c', 0).wait_for_completion(min_node_count=1)", {}),
        # What can be imported and not used.
        ("import azureml.pipeline.core\nazureml.pipeline.core.Pipeline.load('x')", {"pipeline.core.Pipeline.load": 2}),
        ("import azureml.automl.core.shared.constants as c\nc.Metric.Accuracy", {"automl.core.shared.constants.Metric.Accuracy": 2}),
        ("from azureml.train.automl import *\nfrom azureml.core import *\nWorkspace().sync_keys()", {"core.Workspace.sync_keys": 3}),
        ("from azureml.core import Nothing", {"core.Nothing": 1}),
        ("import azureml.nothing", {"nothing": 1}),
        ("from azureml.core.webservice import AksEndpoint\nAksEndpoint('score.py')", {"core.webservice.AksEndpoint": 2}),
        ("from azureml.train.hyperdrive import HyperDriveConfig\nHyperDriveConfig()", {}),
        ("from azureml.core.compute import BatchCompute\nBatchCompute.provisioning_configuration()", {"core.compute.BatchCompute.provisioning_configuration": 2}),
        ("from azureml.core.compute import ComputeInstance\nComputeInstance.supported_vmsizes(None)", {}),
        # Settings, and names from wherever v1's modules had them.
        ("from azureml.core.runconfig import CondaDependencies, RunConfiguration\nc = RunConfiguration()\nc.environment.python.conda_dependencies.add_pip_package('x')\nc.prepare_environment = True", {}),
    ],
)  # fmt: skip
def test_what_a_program_uses(tmp_path: Path, source: str, uses: dict[str, int]) -> None:
    names = "from azureml.core import ComputeTarget, Environment, Experiment, Run, Workspace\n"
    assert bad(tmp_path, names + source) == {name: line + 1 for name, line in uses.items()}


def test_notebooks_are_read_cell_by_cell(tmp_path: Path) -> None:
    cells = notebook(
        "%matplotlib inline\n!pip install azureml-sdk \\\n   --upgrade\nfrom azureml.core import Workspace\nws = Workspace()",
        "files = !ls\n%time ws.sync_keys()\nws.sync_keys()\nWorkspace?",
        "%%bash\necho from azureml.core import Nothing",
        "%%time\nws.list_keys()",
        "%%writefile src/train.py\nfrom azureml.core import Run\nRun.get_context().lgo()\nws.sync_keys()",
        "%%writefile notes.txt\nno Python at all",
    )
    names = checked(tmp_path, cells, "n.ipynb")
    assert {name: places for name, (status, places) in names.items() if status == "not here"} == {
        "azureml.core.Workspace.sync_keys": [(2, 3)],
        "azureml.core.Workspace.list_keys": [(4, 2)],
        "azureml.core.Run.lgo": [(5, 3)],
    }


def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("import azureml.core\nprint 'x'\n")
    (tmp_path / "half.ipynb").write_text(notebook("import azureml.core", "def f(:"))
    (tmp_path / "no.ipynb").write_text("no notebook of azureml")
    (tmp_path / "others.py").write_text("print 'x'\n")
    half, no, old, others = _check.check([str(tmp_path)])
    assert [place[:2] for place in (*old.problems, *half.problems, *no.problems)] == [(None, 2), (2, 1), (None, 1)]
    assert len(half.names) == 1
    assert (others.names, others.problems) == ([], [])
    assert "not Python 3" in old.problems[0][2]


def test_a_folder_is_read_without_what_others_put_there(tmp_path: Path) -> None:
    for name in ("a.py", "sub/b.ipynb", ".hidden/c.py", "env/lib/d.py", "__pycache__/e.py", "readme.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(notebook() if name.endswith("ipynb") else "")
    (tmp_path / "env" / "pyvenv.cfg").touch()
    assert [os.path.relpath(each.path, tmp_path) for each in _check.check([str(tmp_path)])] == ["a.py", "sub/b.ipynb"]


def test_every_class_and_method_of_the_list_is_recognized() -> None:
    known = knowledge._index()
    for name, row in knowledge.rows().items():
        if row["kind"] in ("class", "method"):
            owner, _, last = name.rpartition(".")
            thing = knowledge.found(name)
            assert thing in known or (knowledge.found(owner), last) in known, name


def run(*words: str) -> int:
    return main(["azureml", "check", *words])


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sweep.py").write_text(SWEEP)
    Path("train.py").write_text("from azureml.core import Run\nRun.get_context().log('a', 1)\n")
    Path("other.py").write_text("print(1)\n")
    Path("n.ipynb").write_text(
        notebook("from azureml.core import Workspace\nws = Workspace.from_config()", "ws.location")
    )
    assert run(".") == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "n.ipynb: 1 name works, 2 work differently"
    assert said[1] == "  works differently: Workspace.from_config (cell 1), Workspace.location (cell 2)"
    assert said[2].startswith("sweep.py: ")
    assert said[2].endswith(" names work, 4 work differently, 3 are not here")
    assert said[3].startswith(
        "  sweep.py:11: EstimatorStep is only available in Azure ML; here, submit each step as a run"
    )
    assert "train.py: everything works (3 names)" in said
    assert "  Workspace.location: stored and displayed, but without effect." in said
    assert said[-1] == (
        "3 files with names of SDK v1: 1 work unchanged, 1 work with differences, 1 use names that are not here; 1 without"
    )
    assert run("train.py", "n.ipynb") == 0
    capsys.readouterr()
    assert run("--json", "sweep.py") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["totals"] == {"works": 0, "differs": 0, "not_here": 1, "not_read": 0, "without_azureml": 0}
    (file,) = told["files"]
    pipeline = next(each for each in file["names"] if each["name"] == "azureml.pipeline.core.Pipeline")
    assert pipeline["status"] == "not_here"
    assert pipeline["places"] == [{"cell": None, "line": 12}]
    assert run("nothing.py") == 2
    assert "There is no file or folder 'nothing.py'" in capsys.readouterr().err


def test_without_the_names_of_v1_the_command_says_what_to_install(tmp_path: Path) -> None:
    argv = [sys.executable, "-S", "-m", "trainshed.cli.main", "azureml", "check", "."]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs trainshed-azureml" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_runs_is_not_said_to_be_missing() -> None:
    reports = _check.check([str(ROOT / "tests" / "acceptance" / "v1" / "programs"), str(ROOT / "examples")])
    assert len(reports) > 30
    assert [name for report in reports for name in report.names if "that Trainshed has" in name.text] == []
    assert [problem for report in reports for problem in report.problems] == []


def test_a_report_has_the_worst_of_its_names() -> None:
    assert Report("x.py", [], []).status == "works"
