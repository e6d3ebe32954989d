"""A script in a run, in a process of its own, with nothing but the tree on its path."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest
from service_python import assemble


class Job(Dict[str, str]):
    """The environment of a script in a run."""

    @property
    def folder(self) -> Path:
        return Path(self["TRAINSHED_RUN_DIR"])

    def run(self, code: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
        argv, cwd = [python, "-c", code], self.folder / "code"
        return subprocess.run(argv, env=self, cwd=cwd, capture_output=True, text=True, check=False)

    def said(self, code: str, python: str = sys.executable) -> str:
        done = self.run(code, python)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def events(self) -> list[dict[str, Any]]:
        lines = (self.folder / "journal.jsonl").read_text().splitlines()
        return [json.loads(line, parse_constant=pytest.fail) for line in lines if line]


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is on a script's PYTHONPATH; tests leave it as it is."""
    into = tmp_path_factory.mktemp("runtime")
    made = assemble(into)
    assert assemble(into) == made
    return made


@pytest.fixture
def job(tmp_path: Path, tree: Path) -> Job:
    run = tmp_path / "run-1"
    (run / "code" / "outputs").mkdir(parents=True)
    return Job(
        PYTHONPATH=str(tree),
        TRAINSHED_RUN_DIR=str(run),
        TRAINSHED_RUN_ID="run-1",
        AZUREML_EXPERIMENT_ID="exp",
        PATH=os.environ["PATH"],
    )
