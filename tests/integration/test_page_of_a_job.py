"""What the page shows of a job in a real browser: a rank's own log, packages, what git knows, each node."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_page import Page

from trainshed import Experiment, PyTorchConfiguration, ScriptRunConfig, Workspace

SCRIPT = """
import os
import six
rank = os.environ["RANK"]
print("this is what rank", rank, "says", flush=True)
"""
LOGS = "return [...document.querySelectorAll('select')].find((each) => each.getAttribute('aria-label') === 'Log')"
DIFF = "return document.querySelector('[role=region][aria-label=Diff]')?.innerText ?? ''"
MACHINE = "return document.querySelector('[role=group][aria-label=Machine]')"


@pytest.fixture
def page(browser: Any, shared_workspace: Workspace, pictures: Path) -> Iterator[Page]:
    """The page of a workspace, in a browser that is logged in."""
    with Page.of(browser, shared_workspace, pictures) as made:
        browser.get(f"{made.base}#code={shared_workspace.connection.call('POST', '/page')['code']}")
        made.until("return document.documentElement.dataset.ready")
        yield made


def git(folder: Path, *words: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *settings, "-C", str(folder), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
def test_logs_of_ranks_packages_and_what_git_knows(page: Page, project: Path) -> None:
    from selenium.webdriver.support.ui import Select

    git(project, "init", "-q", "-b", "faster-loader")
    (project / "train.py").write_text(f"lr = 1\n{SCRIPT}")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "first")
    (project / "train.py").write_text(f"lr = 2\n{SCRIPT}")
    two = PyTorchConfiguration(communication_backend="Gloo", process_count=2, node_count=1)
    config = ScriptRunConfig(str(project), "train.py", distributed_job_config=two)
    config.run_config.environment.python.conda_dependencies.add_pip_package("six==1.17.0")
    run = Experiment(page.workspace, "ranks").submit(config)
    run.wait_for_completion()
    page.open(f"runs/{run.id}")
    page.shows("this is what rank 0 says", "this is what rank 1 says")
    for rank, other in (("1", "0"), ("0", "1")):
        Select(page.until(LOGS)).select_by_visible_text(f"rank {rank}")
        page.shows(f"this is what rank {rank} says")
        page.until("return !document.querySelector('main').innerText.includes(arguments[0])", f"rank {other} says")
    page.shows("six", "1.17.0", "1 package", "six==1.17.0")
    page.shows(git(project, "rev-parse", "HEAD")[:10], "faster-loader", "Changes that were not committed")
    assert {"-lr = 1", "+lr = 2"} <= set(page.browser.execute_script(DIFF).splitlines())
    page.check()
    # As it was committed, there is nothing to show a difference of.
    git(project, "commit", "-q", "-a", "-m", "second")
    committed = Experiment(page.workspace, "ranks").submit(config)
    page.open(f"runs/{committed.id}")
    page.shows(git(project, "rev-parse", "HEAD")[:10], "As committed")
    assert page.browser.execute_script(DIFF) == ""
    committed.wait_for_completion()


def test_each_node_has_its_curve(page: Page) -> None:
    run = Experiment(page.workspace, "nodes").start_logging(snapshot_directory=None)
    seen = [
        {"k": "resource", "n": f"system: {name}", "t": time.time() + at, "v": value * (at + 1)}
        for at in range(3)
        for name, value in (("cpu", 0.5), ("cpu (node-1)", 1.5), ("memory", 1e9))
    ]
    lines = "".join(json.dumps(each) + "\n" for each in seen).encode()
    page.workspace.connection.upload("POST", f"/runs/{run.id}/journal?writer=test&offset=0", lines)
    run.complete()
    page.open(f"runs/{run.id}")
    page.until(f"{MACHINE}?.innerText.includes('Memory')")
    found = page.browser.execute_script(
        f"{MACHINE}.innerText + [...document.querySelectorAll('[title]')].map((each) => each.title).join('\\n')"
    )
    assert "CPU, 2 nodes" in found
    assert "1.500 cores" in found
    assert "node-1: at most 4.500 cores" in found
    assert "3.0 GB" in found
