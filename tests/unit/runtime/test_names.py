"""What a script can import inside a run, what that costs, and what it is told about the rest."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pythons import interpreter

from trainshed import version

COMPAT = Path(__file__).parents[3] / "compat" / "azureml" / "src"


def without_v1(job: Any, folder: Path) -> None:
    """Give a job a tree without the names of SDK v1."""
    job["PYTHONPATH"] = str(shutil.copytree(job["PYTHONPATH"], folder / "tree"))
    shutil.rmtree(folder / "tree" / "client" / "azureml")


@pytest.mark.parametrize(
    "heavy", ["dataclasses", "json", "logging", "pathlib", "shutil", "threading", "typing", "uuid"]
)
def test_an_import_and_a_logged_number_do_not_pay_for(job: Any, heavy: str) -> None:
    code = (
        "import sys; before = set(sys.modules)\nfrom azureml.core import Run\nrun = Run.get_context()\n"
        "run.log('val/loss x', 0.5, step=1); run.log('n', 3); run.log('ok', True)\n"
        "print(*(set(sys.modules) - before))"
    )
    new = job.said(code).split()
    assert heavy not in new
    assert "trainshed.runtime.run" in new


@pytest.mark.parametrize(
    "line",
    [
        "import azureml.train.estimator",
        "from azureml.core import Workspace",
        "from azureml.core.workspace import Workspace",
        "from trainshed import Estimator",
        "import trainshed; trainshed.Estimator",
        "import azureml.core; azureml.core.Workspace",
    ],
)
def test_names_of_the_submitting_side_are_there_or_explained(job: Any, line: str, tmp_path: Path) -> None:
    assert job.run(line).returncode == 0
    without_v1(job, tmp_path)
    if "azureml.core" in line:
        last = job.run(line).stderr.splitlines()[-1]
        assert "inside this run: SDK v1's names come with trainshed-azureml" in last
    elif "trainshed" in line:
        assert job.run(line).returncode == 0


def test_a_misspelt_name_is_explained(job: Any) -> None:
    assert "Did you mean 'Estimator'" in job.run("import trainshed; trainshed.Estimater").stderr
    assert job.run("import trainshed; trainshed.Estimater").returncode == 1


def test_a_module_that_is_nowhere_is_not_blamed_on_the_installation(job: Any, tmp_path: Path) -> None:
    last = job.run("import azureml.nonsense").stderr.splitlines()[-1]
    assert last.endswith("Trainshed has no 'azureml.nonsense', neither in a script nor outside of one.")
    without_v1(job, tmp_path)
    assert "install it (compat/azureml)" in job.run("import azureml.nonsense").stderr


def test_libraries_may_look_for_what_is_not_there(job: Any) -> None:
    code = (
        "import importlib.util\ntry: import azureml.nothing\nexcept ModuleNotFoundError: print('nothing')\n"
        "print(importlib.util.find_spec('azureml.core.run') is not None)"
    )
    assert job.said(code) == "nothing\nTrue\n"


def test_packages_that_are_not_supported_can_be_imported(job: Any) -> None:
    code = (
        "import azureml.mlflow\nfrom azureml.train.automl.run import AutoMLRun\n"
        "from azureml.core.resource_configuration import ResourceConfiguration\n"
        "from azureml.exceptions._azureml_exception import UserErrorException\n"
        "from azureml.core.runconfig import CondaDependencies\n"
        "try: AutoMLRun(None, 'id')\nexcept UserErrorException as error: print(error)"
    )
    assert job.said(code) == (
        "AutoMLRun is only available in Azure ML; here, search for the best model in a script of your own, "
        "with a library of your choice.\n"
    )


def test_packages_of_others_below_azureml_are_found(job: Any, tmp_path: Path) -> None:
    (tmp_path / "site" / "azureml" / "mlflow").mkdir(parents=True)
    (tmp_path / "site" / "azureml" / "mlflow" / "__init__.py").write_text("NAME = 'theirs'")
    job["PYTHONPATH"] += f":{tmp_path / 'site'}"
    assert job.said("import azureml.mlflow, azureml.core; print(azureml.mlflow.NAME)") == "theirs\n"


def test_the_tree_wins_over_an_installed_trainshed_azureml(job: Any) -> None:
    job["PYTHONPATH"] += f":{COMPAT}:{COMPAT.parents[2] / 'src'}"
    code = "from azureml.core import Run; import azureml.core; print(Run.get_context().id, azureml.core.__file__)"
    said = job.said(code)
    assert said.startswith("run-1")
    assert str(COMPAT) not in said
    assert job.run("import azureml.train.estimator").returncode == 0


def test_exceptions_can_be_named(job: Any) -> None:
    code = (
        "import azureml.exceptions as e, azureml._common.exceptions as c\n"
        "from azureml.exceptions import *\n"
        "print(len(e.__all__), all(issubclass(getattr(e, n), c.AzureMLException) for n in e.__all__))\n"
        "print(issubclass(AuthenticationException, UserErrorException), AzureMLException is Exception)"
    )
    assert job.said(code) == "20 True\nTrue False\n"


@pytest.mark.parametrize("name", ["child_run", "register_model", "wait_for_completion", "get_secret"])
def test_what_is_not_there_yet_says_so_when_it_is_called(job: Any, name: str) -> None:
    code = (
        "from azureml.core import Run\nfrom azureml.exceptions import RunEnvironmentException\nrun = Run.get_context()\n"
        f"try: run.{name}('x')\nexcept RunEnvironmentException as error: print(error)"
    )
    assert job.said(code).startswith(f"run.{name} ")


def test_a_script_has_the_names_of_experiment_and_workspace(job: Any) -> None:
    job.update(AZUREML_ARM_WORKSPACE_NAME="ws", TRAINSHED_RUN_NUMBER="7")
    code = (
        "from azureml.core import Run\nrun = Run.get_context()\nws = run.experiment.workspace\n"
        "print(run.experiment.name, ws.name, run.number, run.parent, run.get_details()['runId'])\n"
        "try: ws.datastores\nexcept AttributeError as error: print(error)"
    )
    first, second = job.said(code).splitlines()
    assert first == "exp ws 7 None run-1"
    assert "only the name of its workspace" in second


OFFLINE = """
run.log_list("l", [1, 2]); run.log_row("r", x=1); run.log_table("t", {"c": [1]}); run.set_tags({"k": "v"})
with run.child_run() as child: child.log("c", 1)
print(child.get_status(), run.get_status(), list(run.get_children()) == [child], run.input_datasets, run.get_details()["tags"])
try:
    with run: 1 / 0
except ZeroDivisionError: print(run.status, run.number, run.type)
"""


def test_offline_prints_as_v1_does(job: Any) -> None:
    del job["TRAINSHED_RUN_ID"]
    code = "import os; del os.environ['TRAINSHED_RUN_DIR']\nfrom azureml.core import Run\nrun = Run.get_context()\n"
    assert job.said(code + OFFLINE).splitlines() == [
        "Attempted to log list metric l:",
        "[1, 2]",
        "Attempted to log row metric r:",
        "{'x': 1}",
        "Attempted to log table metric t:",
        "{'c': [1]}",
        "Attempted to set tags {'k': 'v'}",
        "Attempted to log scalar metric c:",
        "1",
        "Completed Running True {} {'k': 'v'}",
        "Failed None azureml.scriptrun",
    ]


def test_one_version(job: Any) -> None:
    assert job.said("import trainshed; print(trainshed.__version__)").strip() == version.VERSION


EVERYTHING = """
import importlib, os, sys
import azureml, trainshed
client = os.path.join(os.environ["PYTHONPATH"], "client")
for folder, _, files in os.walk(client):
    for file in files:
        name = os.path.relpath(os.path.join(folder, file), client)[:-3].replace(os.sep, ".")
        if file.endswith(".py") and name not in NOT_FOR_SCRIPTS:
            importlib.import_module(name[:-9] if name.endswith(".__init__") else name)
print(*(name for name in sys.modules if name.startswith("trainshed.")))
"""
NOT_FOR_SCRIPTS = {
    *("trainshed.spec.codec", "trainshed.api.protocols"),
    *("trainshed.integrations.keras", "trainshed.integrations.lightning", "trainshed.integrations.mlflow_projects"),
}
"""For the service, for type checkers, for scripts that use a framework, and for MLflow."""


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.13"])
def test_the_rest_can_be_imported_by_every_python(job: Any, version: str) -> None:
    said = job.said(f"NOT_FOR_SCRIPTS = {NOT_FOR_SCRIPTS}\n{EVERYTHING}", interpreter(version))
    assert {"trainshed.api.data.dataset", "trainshed.whole"} <= set(said.split())


def test_an_old_python_has_names_that_are_made_on_first_use(job: Any) -> None:
    code = (
        "import azureml.core, trainshed\nfrom azureml.core import Workspace\nfrom trainshed import Estimator\n"
        "print(azureml.core.Workspace is Workspace is trainshed.Workspace, trainshed.Estimator is Estimator)\n"
        "try: azureml.core.Workspaces\nexcept AttributeError as error: print(error)"
    )
    said = job.said(code, interpreter("3.6"))
    assert said.startswith("True True\n")
    assert "Workspaces" in said
