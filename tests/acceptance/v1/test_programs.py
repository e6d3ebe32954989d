"""Programs in the manner of v1's tutorials, each in a process of its own, as a user of v1 would run them unchanged."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainshed.client.stopping import stop

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).parent / "programs"
NEEDS = {
    "charts": ["matplotlib"],
    "classify_digits": ["pandas", "pyarrow", "sklearn"],
    "datasets": ["pandas", "pyarrow"],
    "interactive_run": ["sklearn"],
    "models": ["sklearn"],
    "old_datasets": ["pandas", "pyarrow"],
    "names_of_2018": ["sklearn"],
    "packages_of_v1": ["pandas"],
    "shared_data": ["pandas", "pyarrow"],
    "tensorboard": ["tensorboard"],
    "train_on_local": ["sklearn"],
    "tune_sklearn": ["sklearn"],
    "web_data": ["pandas", "pyarrow", "sklearn"],
}
"""Packages that a program imports, which may be absent here."""


@pytest.fixture
def services(home: Path) -> Iterator[None]:
    """Stop the services of the workspaces that a program made and did not delete."""
    yield
    for config in (home / "workspaces").glob("*/config.json"):
        stop(str(config.parent))


@pytest.mark.parametrize("name", sorted(path.name for path in PROGRAMS.iterdir()))
def test_program(name: str, services: None, workspace: object, tmp_path: Path) -> None:
    for package in NEEDS.get(name, []):
        pytest.importorskip(package)
    folder = tmp_path / name
    shutil.copytree(PROGRAMS / name, folder)
    bin_first = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    names = os.pathsep.join([str(ROOT / "compat" / "azureml" / "src"), str(ROOT / "src")])
    env = {**os.environ, "PATH": bin_first, "PYTHONPATH": names, "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=folder, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{name}: all cells ran", done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_programs_use_every_row_of_the_surface() -> None:
    tomllib = pytest.importorskip("tomllib", reason="came with Python 3.11")
    rows = tomllib.loads((ROOT / "compat" / "azureml" / "src" / "azureml" / "surface.toml").read_text())["member"]
    words = {
        word
        for path in PROGRAMS.rglob("*")
        if path.suffix in (".py", ".yml", ".json")
        for word in re.findall(r"\w+", path.read_text())
    }
    here = [row["name"] for row in rows if row["status"] != "cloud" and row["kind"] != "field"]
    assert [name for name in here if name.rpartition(".")[2].replace("()", "") not in words] == []
