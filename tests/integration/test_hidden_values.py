"""Values of environment variables and passwords in URLs stay out of history, records, pages and logs."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest
from waiting import until_logged

from trainshed import (
    CondaDependencies,
    Environment,
    Experiment,
    RunConfiguration,
    ScriptRunConfig,
    Workspace,
)
from trainshed.client.stopping import stop
from trainshed.errors import ActivityFailedException, UserErrorException

SECRET = "hunter2-hunter3"
SCRIPT = """
import hashlib, os, sys
print("token", hashlib.sha256(os.environ["TOKEN"].encode()).hexdigest(), flush=True)
assert os.environ["TOKEN"] in sys.argv[2]
open(sys.argv[1]).read()
"""
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()

pytestmark = pytest.mark.own_folder


def holders(root: Path) -> dict[str, int]:
    """Return every file below a folder that contains the secret, with its mode."""
    return {
        str(path.relative_to(root)): stat.S_IMODE(path.stat().st_mode)
        for path in sorted(root.rglob("*"))
        if path.is_file() and SECRET.encode() in path.read_bytes()
    }


def tops(found: dict[str, int]) -> set[str]:
    """Return the folders of the workspace in which files were found; all are for their owner only."""
    assert set(found.values()) <= {0o600}, found
    return {os.path.dirname(name) for name in found}


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


@pytest.fixture
def config(project: Path, this_python: str, gate: Path) -> ScriptRunConfig:
    (project / "train.py").write_text(SCRIPT)
    settings = RunConfiguration()
    settings.environment.python.user_managed_dependencies = True
    settings.environment.python.interpreter_path = this_python
    settings.environment_variables = {"TOKEN": SECRET}
    return ScriptRunConfig(
        project, "train.py", arguments=[gate, f"postgres://me:{SECRET}@host/db"], run_config=settings
    )


def shown_of(run: Any) -> str:
    """Return all that the API tells of a run."""
    connection = run.experiment.workspace.connection
    record = connection.call("GET", f"/runs/{run.id}")
    told = [record, connection.call("GET", "/runs", query={"limit": 10}), run.get_details(), run.get_tags()]
    return json.dumps(told, default=str)


def test_a_run_with_secrets(workspace: Workspace, config: ScriptRunConfig, gate: Path) -> None:
    root = workspace.path
    workspace.compute_targets["local"].slots = 1  # type: ignore[attr-defined]
    experiment = Experiment(workspace, "hidden")
    first = experiment.submit(config, tags={"from": f"https://me:{SECRET}@host/"})
    until_logged(first, DIGEST)
    second = experiment.submit(config)
    cancelled = experiment.submit(config)
    assert tops(holders(root)) == {"private/runs"}
    assert len(holders(root)) == 3
    cancelled.cancel()
    assert len(holders(root)) == 2
    # What waits outlives its service.
    os.kill(workspace.connection.call("GET", "/service")["pid"], signal.SIGKILL)
    gate.write_text("go")
    assert first.wait_for_completion().status == "Completed"
    until_logged(second, DIGEST)
    assert len(holders(root)) == 1
    gate.write_text("go")
    assert second.wait_for_completion().status == "Completed"
    assert holders(root) == {}
    assert SECRET not in shown_of(first)
    defined = first.get_details()["runDefinition"]
    assert defined["environmentVariables"] == {"TOKEN": "***"}
    assert defined["arguments"][1] == "postgres://***@host/db"
    assert first.get_tags() == {"from": "https://***@host/"}
    config.run_config.environment_variables = first.get_environment().environment_variables
    with pytest.raises(UserErrorException, match=r"Environment variable 'TOKEN' is '\*\*\*'.*Set its value again"):
        experiment.submit(config)


def test_a_run_of_several_processes(workspace: Workspace, config: ScriptRunConfig, gate: Path) -> None:
    config.run_config.communicator = "Gloo"
    config.run_config.framework = "PyTorch"
    config.run_config.node_count = 1
    from trainshed.api.configuration.runconfig_sections import PyTorchConfiguration

    config.run_config.pytorch = PyTorchConfiguration(process_count=2)
    run = Experiment(workspace, "hidden").submit(config)
    until_logged(run, f"[rank 0] token {DIGEST}", f"[rank 1] token {DIGEST}")
    assert tops(holders(workspace.path)) <= {"private/runs", f"runs/{run.id}/ranks"}
    run.cancel()
    run.wait_for_completion()
    assert holders(workspace.path) == {}


def test_a_run_that_is_killed_with_its_shim(workspace: Workspace, config: ScriptRunConfig) -> None:
    run = Experiment(workspace, "hidden").submit(config)
    until_logged(run, DIGEST)
    shim = json.loads((workspace.path / "runs" / run.id / "shim.json").read_text())
    os.kill(shim["pid"], signal.SIGKILL)
    with pytest.raises(ActivityFailedException):
        run.wait_for_completion(raise_on_error=True)
    assert holders(workspace.path) == {}


def test_packages_from_places_with_passwords(workspace: Workspace, config: ScriptRunConfig, home: Path) -> None:
    environment = Environment("private")
    environment.environment_variables = {"TOKEN": SECRET}
    packages = CondaDependencies.create(
        pip_packages=[f"nothing @ http://me:{SECRET}@127.0.0.1:9/nothing-1.0-py3-none-any.whl"]
    )
    packages.set_pip_option(f"--extra-index-url http://me:{SECRET}@127.0.0.1:9/simple")
    packages.set_pip_index_url(f"http://me:{SECRET}@127.0.0.1:9/simple")
    environment.python.conda_dependencies = packages
    config.run_config.environment = environment
    run = Experiment(workspace, "hidden").submit(config)
    with pytest.raises(ActivityFailedException) as caught:
        run.wait_for_completion(raise_on_error=True)
    log = b"".join(run.read("azureml-logs/20_image_build_log.txt")).decode()
    assert "127.0.0.1:9" in log
    assert SECRET not in log + str(caught.value) + shown_of(run)
    assert holders(home) == {}


def test_an_environment_is_registered(workspace: Workspace, home: Path) -> None:
    environment = Environment("private")
    environment.environment_variables = {"TOKEN": SECRET}
    environment.docker.arguments = ["-e", f"TOKEN={SECRET}"]
    environment.register(workspace)
    assert tops(holders(home)) == {"workspaces/default/private/environments"}
    assert Environment.get(workspace, "private").environment_variables == {"TOKEN": SECRET}
    assert Environment.list(workspace)["private"].environment_variables == {"TOKEN": SECRET}
    workspace.connection.call("DELETE", "/catalog/environment/private/1")
    stop(str(workspace.path))
    assert holders(home) == {}
