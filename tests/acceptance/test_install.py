"""Installed from its wheel into an empty environment, with nothing beside it, everything is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trainshed.environments.commands import environ_for_uv, find_uv

ROOT = Path(__file__).parents[2]


@pytest.fixture
def python(tmp_path: Path, home: Path) -> Path:
    """A Python with the wheel of this checkout."""
    source = tmp_path / "source"
    kept = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build")
    shutil.copytree(ROOT, source, ignore=kept)
    env = environ_for_uv(str(home))
    prefix = tmp_path / "venv"
    for argv in (
        ["venv", "-q", "--python", sys.executable, prefix],
        ["pip", "install", "-q", "--python", prefix, source],
    ):
        subprocess.run([find_uv(), *argv], env=env, check=True)
    return prefix / "bin" / "python"


def test_the_wheel_alone_runs_a_script(python: Path, project: Path, workspace: object) -> None:
    (project / "train.py").write_text(
        "from azureml.core import Run\nRun.get_context().log('x', 1.5)\nopen('outputs/y.txt', 'w').write('y')\n"
    )
    command = str(python.parent / "trainshed")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def say(*words: str) -> str:
        done = subprocess.run([command, *words], env=env, cwd=project, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "0.1.0" in say("--version")
    say("submit", ".", "--script", "train.py", "--follow")
    assert "1.5" in say("metrics", "@last")
    assert "outputs/y.txt" in say("files", "@last")
    say("service", "stop")


def test_import_needs_no_extra(python: Path) -> None:
    code = "import trainshed; [getattr(trainshed, name) for name in trainshed.__all__]"
    subprocess.run([python, "-I", "-c", code], check=True)
