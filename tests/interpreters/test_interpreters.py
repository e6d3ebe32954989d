"""The suite under the oldest and the newest Pythons: what is copied to nodes, and all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT
from pythons import interpreter

from trainshed import Experiment, RunConfiguration, ScriptRunConfig, Workspace
from trainshed.environments.commands import environ_for_uv, find_uv

SCRIPT = """
import sys
from azureml.core import Run
Run.get_context().log("minor", sys.version_info[1])
with open("outputs/x.txt", "w") as file:
    file.write("whole")
"""
NODE = ("spec", "runtime", "environments", "containers", "data", "launchers", "system", "node")
"""The rooms that are copied to nodes; tests/house holds that they have the syntax of Python 3.8."""


def environment(python: str, folder: Path, *requirements: str) -> Path:
    """Return the interpreter of a new environment that has these packages, and nothing of ours."""
    env = environ_for_uv(str(folder))
    for argv in (
        ["venv", "-q", "--python", python, str(folder / "venv")],
        ["pip", "install", "-q", "--python", str(folder / "venv"), *requirements],
    ):
        subprocess.run([find_uv(), *argv], env=env, cwd=ROOT, check=True)
    return folder / "venv" / "bin" / "python"


def suite(python: Path, *folders: str) -> int:
    """Run the tests of some folders, and return how many passed."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TRAINSHED_", "COV"))},
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT / "compat" / "azureml" / "src")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TRAINSHED_TEST_SERVICE_PYTHON": sys.executable,
    }
    base = python.parents[2] / "tests"
    argv = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={base}", *folders]
    done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert passed
    return int(passed.group(1))


@pytest.mark.parametrize("version", ["3.10", "3.13"])
def test_the_unit_suite(version: str, tmp_path: Path) -> None:
    python = environment(interpreter(version), tmp_path, "-r", "pyproject.toml", "pytest", "pytest-timeout")
    assert suite(python, "tests/unit") > 1000


@pytest.mark.parametrize("version", ["3.8", "3.9"])
def test_what_is_copied_to_nodes_needs_nothing_but_an_old_python(version: str, tmp_path: Path) -> None:
    python = environment(interpreter(version), tmp_path, "pytest", "pytest-timeout", "uv")
    folders = [f"tests/unit/{room}" for room in NODE]
    assert all((ROOT / folder).is_dir() for folder in folders)
    assert suite(python, *folders) > 300


def test_a_machine_may_have_nothing_but_an_old_python(workspace: Workspace, project: Path, tmp_path: Path) -> None:
    python = interpreter("3.8")
    reach = tmp_path / "reach"
    reach.write_text(
        f'exec env PATH={Path(python).parent}:/usr/bin:/bin TRAINSHED_HOME={tmp_path / "far"} sh -c "$1"\n'
    )
    workspace.connection.call("PUT", "/targets/far", {"kind": "remote", "connect": ["sh", str(reach)]})
    (project / "train.py").write_text(SCRIPT)
    config = RunConfiguration()
    config.target = "far"
    config.environment.python.user_managed_dependencies = True
    config.environment.python.interpreter_path = python
    run = Experiment(workspace, "old").submit(ScriptRunConfig(str(project), "train.py", run_config=config))
    run.wait_for_completion()
    assert run.get_metrics() == {"minor": 8}
    run.download_file("outputs/x.txt", str(tmp_path / "x.txt"))
    assert (tmp_path / "x.txt").read_text() == "whole"
    assert list((tmp_path / "far" / "node").rglob("agent.cpython-38.pyc")), "the agent ran under that Python"
