"""What a run configuration asks for arrives in a real run."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainshed import Estimator, Experiment, RunConfiguration, ScriptRunConfig, Workspace

OLD = """
import os
from collections import Mapping
assert (os.environ["AZUREML_FRAMEWORK"], os.environ["AZUREML_COMMUNICATOR"]) == ("Python", "None")
"""


def submit(workspace: Workspace, project: Path, python: str, variables: dict[str, str]) -> str:
    (project / "train.py").write_text(OLD)
    est = Estimator(str(project), compute_target="local", user_managed=True, environment_variables=variables)
    est.run_config.environment.python.interpreter_path = python
    run = Experiment(workspace, "legacy").submit(est)
    run.wait_for_completion(raise_on_error=False)
    return str(run.get_status())


def test_old_names_work_in_a_run_that_asks_for_them(
    workspace: Workspace, project: Path, this_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert submit(workspace, project, this_python, {}) == "Failed"
    assert submit(workspace, project, this_python, {"TRAINSHED_LEGACY": "1"}) == "Completed"
    monkeypatch.setenv("TRAINSHED_LEGACY", "1")
    assert submit(workspace, project, this_python, {}) == "Completed"
    assert submit(workspace, project, this_python, {"TRAINSHED_LEGACY": "0"}) == "Failed"


def test_a_configuration_of_a_file_runs(workspace: Workspace, project: Path, this_python: str) -> None:
    (project / "train.py").write_text("import sys; assert sys.argv[1:] == ['--n', '3'], sys.argv")
    config = RunConfiguration("train.py", ["--n", 3])
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = this_python
    config.save(project, "local")
    loaded = RunConfiguration.load(project, "local")
    run = Experiment(workspace, "files").submit(ScriptRunConfig(str(project), run_config=loaded))
    run.wait_for_completion()
    assert run.get_status() == "Completed"


def test_what_stands_for_an_old_release_is_said_in_log_and_details(workspace: Workspace, project: Path) -> None:
    (project / "train.py").write_text("")
    config = RunConfiguration("train.py")
    config.environment._notes = ("Framework 1 is gone; 2 was taken.",)
    run = Experiment(workspace, "notes").submit(ScriptRunConfig(str(project), run_config=config))
    run.wait_for_completion()
    details = run.get_details()
    assert "Framework 1 is gone; 2 was taken." in [warning["message"] for warning in details["warnings"]]
    log = project.parent / "build.txt"
    run.download_file("azureml-logs/20_image_build_log.txt", str(log))
    assert "Note: Framework 1 is gone; 2 was taken." in log.read_text()


CALLING = [
    "%env TRAINSHED_LEGACY=1",
    "from azureml.core import Experiment, Workspace",
    "import numpy as np\nfrom sklearn.externals import joblib\nprint(np.float(1), np.Inf, joblib.__name__)",
]


@pytest.mark.parametrize("line", [CALLING[0], "from trainshed.runtime import legacy; legacy.install()"])
def test_old_names_work_in_the_calling_notebook(home: Path, tmp_path: Path, line: str) -> None:
    for package in ("sklearn", "numpy", "ipykernel"):
        pytest.importorskip(package)
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    cells = [line, *CALLING[1:]] if line == CALLING[0] else [CALLING[1], line, CALLING[2]]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(made, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert made.cells[-1].outputs[0].text == "1.0 inf joblib\n"
