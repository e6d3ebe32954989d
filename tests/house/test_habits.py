"""What keeps the others honest is itself held: the time-out of tests, the checks of commits, the forms and CI."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import ROOT

HANGS = """
import threading

def wait_for_what_never_comes():
    threading.Event().wait()

def test_hangs():
    wait_for_what_never_comes()

def test_goes_on():
    pass
"""


def settings(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def test_a_test_that_hangs_fails_with_its_stack(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) > 0
    (tmp_path / "test_hangs.py").write_text(HANGS)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "0.5", str(tmp_path)]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "wait_for_what_never_comes" in done.stdout


def test_commits_are_checked_as_make_lint_does_without_a_network() -> None:
    repositories = settings(".pre-commit-config.yaml")["repos"]
    assert [repository["repo"] for repository in repositories] == ["local"]
    (recipe,) = (part for part in (ROOT / "Makefile").read_text().split("\n\n") if part.startswith("lint:"))
    for hook in repositories[0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].split(" --")[0].replace(".venv/bin", "$(BIN)") in recipe


def test_ci_runs_what_developers_run() -> None:
    jobs = settings(".github/workflows/ci.yml")["jobs"]
    for name in ("debian", "macos"):
        assert jobs[name]["steps"][-1] == {"run": "bash .ci/run"}
        assert jobs[name]["strategy"]["matrix"]["python"]
    assert set(jobs["passed"]["needs"]) == set(jobs) - {"passed"}
    made = [line.split() for line in (ROOT / ".ci" / "run").read_text().splitlines() if line.startswith("make ")]
    assert {"lint", "docs", "test"} <= {word for line in made for word in line}


@pytest.mark.parametrize("form", ["bug_report.yml", "feature_request.yml"])
def test_forms_are_what_a_code_host_takes(form: str) -> None:
    told = settings(f".github/ISSUE_TEMPLATE/{form}")
    assert {"name", "description", "body"} <= set(told)
    for field in told["body"]:
        assert field["type"] in ("textarea", "input", "dropdown", "checkboxes", "markdown")
        assert field["attributes"]["label"]
