"""The programs of examples, as users run them: each a process of its own, packages installed, nothing prepared."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import ssh_machine

from trainshed import Workspace

EXAMPLES = Path(__file__).parents[2] / "examples"
COMPAT = Path(__file__).parents[2] / "compat" / "azureml" / "src"


@pytest.mark.parametrize("program", ["run.py", "run_azureml.py"])
def test_first_program(program: str, home: Path, workspace: object) -> None:
    said = ran(EXAMPLES / "sklearn_estimator" / program)
    lines = said.splitlines()
    assert "442 patients with 10 measurements each" in said
    assert "alpha 0.8: mean squared error 3340.0" in lines
    assert "Completed" in lines
    assert "{'alpha': 0.8, 'mse': 3340.005023928671}" in lines
    assert "The downloaded model predicts 185.2 for the first patient, who had 151.0." in lines
    assert "installed from PyPI (scikit-learn)" in said or "conda-forge" in said


@pytest.mark.parametrize("program", ["run.py", "run_azureml.py"])
def test_second_program(program: str, home: Path, workspace: object) -> None:
    said = ran(EXAMPLES / "mpi_estimator" / program)
    for rank in (0, 1):
        assert f"[rank {rank}] rank {rank} of 2 on " in said
    assert "trains on 720 of 1440 digits" in said
    assert {"Completed", "accuracy 0.980", "The downloaded model takes the first digit for a 0; it is a 0."} <= {
        *said.splitlines()
    }
    # What it has trained answers.
    answers = ran(EXAMPLES / "deploy" / program).splitlines()
    assert "99.0% of 1797 digits are right." in answers
    assert "The first digit is taken for a 0; it is a 0." in answers


@pytest.mark.parametrize("program", ["run.py", "run_azureml.py"])
def test_a_sweep(program: str, home: Path, workspace: object) -> None:
    *_, count, best = ran(EXAMPLES / "sweep" / program).splitlines()
    assert count == "8 runs: Completed"
    assert best.startswith("The best accuracy is 0.9")


@pytest.fixture
def host(tmp_path: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssh_machine.SshMachine]:
    """A machine with an sshd, to which ``ssh box`` leads as if the user's own configuration said so."""
    if ssh_machine.why_not():
        pytest.skip(ssh_machine.why_not())
    made = ssh_machine.SshMachine(short_path / "far")
    made.configure()
    config = made.client / "config"
    config.write_text(config.read_text().replace("Host box", "Host box 127.0.0.1"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {config} "$@"\n')
    (tmp_path / "bin" / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    yield made
    made.stop()


def test_third_program(host: ssh_machine.SshMachine, home: Path, workspace: Workspace) -> None:
    key = str(host.client / "id")
    for words in (["run.py", "box"], ["run_azureml.py", "127.0.0.1", str(host.port), "worker", key]):
        said = ran(EXAMPLES / "ssh_estimator" / words[0], *words[1:])
        lines = said.splitlines()
        assert "442 patients with 10 measurements each, from /mnt/home/.trainshed/" in said
        assert "alpha 0.8: mean squared error 3340.0" in lines
        assert "Completed" in lines
        assert "The downloaded model predicts 185.2 for the first patient, who had 151.0." in lines
        workspace.compute_targets["box"].delete()
    assert host.logins == 2


def ran(program: Path, *arguments: str) -> str:
    """Return what an example prints."""
    pytest.importorskip("sklearn")
    env = {**os.environ, "PYTHONPATH": str(COMPAT)}
    done = subprocess.run(
        [sys.executable, program, *arguments], env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("example", ["sklearn_estimator", "mpi_estimator", "sweep", "deploy"])
def test_a_program_differs_from_v1s_in_its_imports_only(example: str) -> None:
    ours, theirs = ((EXAMPLES / example / name).read_text().splitlines() for name in ("run.py", "run_azureml.py"))
    changed = {line for line in set(ours) ^ set(theirs) if not line.startswith(("from ", '"""', "``make demo``"))}
    assert changed <= {
        "",
        "Written with Trainshed's own names; ``run_azureml.py`` beside it is the same with SDK v1's.",
        "Give it the name of an image, and the nodes are a container of that: ``python run.py python:3.11-slim``.",
    }
