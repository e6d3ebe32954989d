"""Notebooks as entry scripts, as SDK v1 ran them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pythons import interpreter

from trainshed import (
    Estimator,
    Experiment,
    MpiConfiguration,
    RunConfiguration,
    ScriptRunConfig,
    Workspace,
)
from trainshed.errors import ActivityFailedException, UserErrorException

FIRST = "import sys\nfrom azureml.core import Run\nrun = Run.get_context()\nalpha = float(sys.argv[2])\nprint('alpha', alpha)"


def notebook(folder: Path, *cells: str, name: str = "train.ipynb", language: str = "python") -> None:
    nbformat = pytest.importorskip("nbformat")  # takes seconds, which collecting tests need not
    made = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "x", "display_name": "X", "language": language}})
    made.cells = [nbformat.v4.new_markdown_cell("# Training"), *map(nbformat.v4.new_code_cell, cells)]
    made.cells[1].outputs = [nbformat.v4.new_output("stream", text="of an earlier execution")]
    (folder / name).parent.mkdir(exist_ok=True)
    nbformat.write(made, folder / name)


def kept(run: Any, folder: Path, name: str = "train.ipynb") -> Any:
    """Return the outputs of each code cell in the notebook that a run has kept, which is a valid one."""
    nbformat = pytest.importorskip("nbformat")
    run.download_file(f"outputs/{name}", str(folder / "kept.ipynb"))
    made = nbformat.read(folder / "kept.ipynb", nbformat.NO_CONVERT)
    nbformat.validate(made)
    assert not list((folder / "kept.ipynb").parent.glob("*.part"))
    return [cell.outputs for cell in made.cells if cell.cell_type == "code"]


def failure(run: Any) -> str:
    with pytest.raises(ActivityFailedException) as error:
        run.wait_for_completion()
    return error.value.message


def submitted(workspace: Workspace, project: Path, python: str, script: str = "train.ipynb") -> Any:
    config = RunConfiguration()
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = python
    return Experiment(workspace, "notebooks").submit(ScriptRunConfig(str(project), script, ["--alpha", 0.5], config))


def test_an_estimator_runs_a_notebook_with_all_that_ipython_can(
    workspace: Workspace, project: Path, tmp_path: Path
) -> None:
    notebook(
        project,
        FIRST,
        "%matplotlib inline\nimport pandas as pd\nframe = pd.DataFrame({'x': [1, 2]})\nframe",
        "import matplotlib.pyplot as plt\nplt.plot(frame.x)\nplt.show()",
        "!echo from a shell",
        "run.log('sum', int(frame.x.sum()))\nrun.log('alpha', alpha)",
    )
    estimator = Estimator(
        str(project),
        compute_target="local",
        entry_script="train.ipynb",
        script_params={"--alpha": 0.5},
        pip_packages=["pandas", "matplotlib"],
    )
    run = Experiment(workspace, "notebooks").submit(estimator)
    run.wait_for_completion()
    assert run.get_metrics() == {"sum": 3, "alpha": 0.5}
    first, table, plot, shell, last = kept(run, tmp_path)
    assert [(output.name, output.text) for output in first] == [("stdout", "alpha 0.5\n")]
    assert {"text/plain", "text/html"} <= set(table[0].data)
    assert table[0].execution_count == 2
    assert [set(output.data) for output in plot] == [{"text/plain", "image/png"}]
    assert "from a shell" in shell[0].text
    assert last == []
    assert any("ipython was added" in warning["message"] for warning in run.get_details()["warnings"])
    run.download_file("azureml-logs/70_driver_log.txt", str(tmp_path / "log"))
    assert "alpha 0.5\n" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("version", ["3.6", "3.8", "3.13"])
def test_python_alone_runs_a_notebook(workspace: Workspace, project: Path, tmp_path: Path, version: str) -> None:
    cells = [
        FIRST,
        "%matplotlib inline\n1 + 1",
        "",
        "display('shown')\nprint('error', file=sys.stderr)\n[alpha, __name__]",
        "import pickle\nclass Model: pass\nrun.log('pickled', len(pickle.dumps(Model())) > 0);",
    ]
    notebook(project, *cells)
    run = submitted(workspace, project, interpreter(version))
    run.wait_for_completion()
    assert run.get_metrics() == {"pickled": True}
    _, two, empty, shown, _ = kept(run, tmp_path)
    assert two[0].data == {"text/plain": "2"}
    assert empty == []
    assert [output.output_type for output in shown] == ["display_data", "stream", "execute_result"]
    assert shown[2].data["text/plain"] == "[0.5, '__main__']"
    assert shown[2].execution_count == 3


@pytest.mark.parametrize("python", ["with IPython", "3.8"])
def test_an_error_names_its_cell_and_the_outputs_so_far_are_kept(
    workspace: Workspace, project: Path, tmp_path: Path, python: str
) -> None:
    pytest.importorskip("IPython")
    path = sys.executable if python == "with IPython" else interpreter(python)
    cells = ["print('before')", "", "def divide(x):\n    return 1 / x\n\ndivide(0)", "print('never')"]
    notebook(project, *cells, name="deep/train.ipynb")
    run = submitted(workspace, project, path, "deep/train.ipynb")
    message = failure(run)
    assert "User program failed with ZeroDivisionError: division by zero (cell 2 of train.ipynb, line 4)" in message
    assert "train.ipynb, cell 2" in message
    assert "return 1 / x" in message
    before, _, failed, never = kept(run, tmp_path)
    assert before[0].text == "before\n"
    assert (failed[0].output_type, failed[0].ename, failed[0].evalue) == (
        "error",
        "ZeroDivisionError",
        "division by zero",
    )
    assert never == []


@pytest.mark.parametrize("python", ["with IPython", "3.8"])
@pytest.mark.parametrize(("status", "end"), [("0", "Completed"), ("3", "Failed")])
def test_a_cell_may_end_the_run(
    workspace: Workspace, project: Path, tmp_path: Path, python: str, status: str, end: str
) -> None:
    pytest.importorskip("IPython")
    notebook(project, f"import sys\nprint('x')\nsys.exit({status})", "print('never')")
    run = submitted(workspace, project, sys.executable if python == "with IPython" else interpreter(python))
    if status == "0":
        run.wait_for_completion()
    else:
        assert "failed: The script exited with exit code 3.\n" in failure(run)
    assert run.get_status() == end
    assert [len(outputs) for outputs in kept(run, tmp_path)] == [1, 0]


@pytest.mark.parametrize("python", ["with IPython", "3.8"])
def test_a_cell_that_is_not_python(workspace: Workspace, project: Path, python: str) -> None:
    pytest.importorskip("IPython")
    notebook(project, "x = = 1")
    run = submitted(workspace, project, sys.executable if python == "with IPython" else interpreter(python))
    message = failure(run)
    assert "User program failed with SyntaxError: invalid syntax (" in message
    assert "cell 1, line 1)" in message


def test_what_cannot_be_run_is_told_before_the_first_cell(workspace: Workspace, project: Path) -> None:
    python = interpreter("3.9")  # without IPython
    notebook(project, "print('first')", "%%time\nx = 1")
    notebook(project, "print('first')", name="r.ipynb", language="R")
    (project / "old.ipynb").write_text(json.dumps({"worksheets": [], "nbformat": 3}))
    expected = {
        "train.ipynb": "Cell 2 of train.ipynb has the command '%%time', which needs IPython. Install ipython",
        "r.ipynb": "'r.ipynb' is a notebook for R; only notebooks for Python can be run.",
        "old.ipynb": "'old.ipynb' is not a notebook of format 4.",
    }
    for script, sentence in expected.items():
        run = submitted(workspace, project, python, script)
        message = failure(run)
        assert sentence in message
        assert "first" not in message


def test_a_notebook_is_one_process(workspace: Workspace, project: Path) -> None:
    notebook(project, "pass")
    estimator = Estimator(
        str(project), compute_target="local", entry_script="train.ipynb", distributed_training=MpiConfiguration()
    )
    with pytest.raises(UserErrorException, match=r"train.ipynb is a notebook, which runs in one process"):
        Experiment(workspace, "notebooks").submit(estimator)
