"""What git knows of a source folder, with a real git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from trainshed.client import provenance

GIT = shutil.which("git")


def git(folder: Path, *words: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *settings, "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(GIT is None, reason="git is not here")
def test_a_commit_a_branch_and_what_is_not_committed(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    assert provenance.of(str(folder), lambda _: True) == ({}, "")
    git(tmp_path, "init", "-q", "-b", "wider")
    assert provenance.of(str(folder), lambda _: True) == ({}, "")  # no commit yet
    (folder / "train.py").write_text("lr = 1\n")
    (folder / "secret.txt").write_text("a\n")
    (tmp_path / "elsewhere.txt").write_text("a\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "remote", "add", "origin", "https://me:password@example.org/x.git")
    found, diff = provenance.of(str(folder), lambda _: True)
    assert found == {
        "mlflow.source.git.commit": git(tmp_path, "rev-parse", "HEAD"),
        "azureml.git.commit": git(tmp_path, "rev-parse", "HEAD"),
        "azureml.git.dirty": "False",
        "mlflow.source.git.branch": "wider",
        "azureml.git.branch": "wider",
        "mlflow.source.git.repoURL": "https://example.org/x.git",
        "azureml.git.repository_uri": "https://example.org/x.git",
    }
    assert diff == ""
    (tmp_path / "elsewhere.txt").write_text("b\n")
    assert provenance.of(str(folder), lambda _: True)[0]["azureml.git.dirty"] == "False"  # not of this folder
    (folder / "train.py").write_text("lr = 2\n")
    (folder / "secret.txt").write_text("password\n")
    found, diff = provenance.of(str(folder), {"train.py"}.__contains__)
    assert found["azureml.git.dirty"] == "True"
    assert "+lr = 2" in diff
    assert "password" not in diff
