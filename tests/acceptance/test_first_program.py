"""The first program, as users run it: a process of its own, packages installed for real, nothing prepared."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "sklearn_estimator"
COMPAT = Path(__file__).parents[2] / "compat" / "azureml" / "src"


@pytest.mark.parametrize("program", ["run.py", "run_azureml.py"])
def test_first_program(program: str, home: Path, workspace: object) -> None:
    pytest.importorskip("sklearn")
    env = {**os.environ, "PYTHONPATH": str(COMPAT)}
    done = subprocess.run(
        [sys.executable, EXAMPLE / program], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert "442 patients with 10 measurements each" in done.stdout
    assert "alpha 0.8: mean squared error 3340.0" in lines
    assert "Completed" in lines
    assert "{'alpha': 0.8, 'mse': 3340.005023928671}" in lines
    assert "The downloaded model predicts 185.2 for the first patient, who had 151.0." in lines
    assert "taken from PyPI (scikit-learn)" in done.stdout or "conda-forge" in done.stdout


def test_first_program_differs_from_v1s_in_its_imports_only() -> None:
    ours, theirs = ((EXAMPLE / name).read_text().splitlines() for name in ("run.py", "run_azureml.py"))
    changed = {line for line in set(ours) ^ set(theirs) if not line.startswith(("from ", '"""', "``make demo``"))}
    assert changed == set()
