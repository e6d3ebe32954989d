"""GPUs handed out to real runs; the GPUs themselves are pretended (``TRAINSHED_FAKE_GPUS``): no run computes on them."""

from __future__ import annotations

import json
import os
import select
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from azureml.core import Webservice
from azureml.core.model import InferenceConfig
from azureml.core.webservice import AksWebservice
from trainshed import (
    AmlCompute,
    ComputeTarget,
    Environment,
    Estimator,
    Experiment,
    Model,
    PyTorchConfiguration,
    Workspace,
)
from trainshed.errors import WebserviceException
from trainshed.system.gpus import FAKE

SAY = 'import os\nprint(os.environ.get("CUDA_VISIBLE_DEVICES", "unset"), flush=True)\n'
HELD = (
    SAY
    + """
with open(os.environ["GO"]) as go:  # a named pipe
    go.read()
"""
)


class Trial:
    """Submits scripts that say which GPUs they see.

    Args:
        workspace: where.
        project: source folder.
        python: to run them with.
        pipes: folder for the named pipes that hold some until they are written to.
    """

    def __init__(self, workspace: Workspace, project: Path, python: str, pipes: Path) -> None:
        self.workspace, self.project, self.python, self.pipes = workspace, project, python, pipes
        self.experiment = Experiment(workspace, "gpus")
        ComputeTarget(workspace, "local").slots = 8  # type: ignore[attr-defined]

    def submit(self, code: str = SAY, variables: dict[str, str] | None = None, **more: Any) -> Any:
        (self.project / "train.py").write_text(code)
        more.setdefault("compute_target", "local")
        est = Estimator(str(self.project), entry_script="train.py", user_managed=True, **more)
        est.run_config.environment.python.interpreter_path = self.python
        est.run_config.environment_variables.update(variables or {})
        return self.experiment.submit(est)

    def saw(self, run: Any, rank: str = "") -> str:
        """Return the GPUs that a run saw, when it has ended."""
        run.wait_for_completion()
        return b"".join(run.read(f"azureml-logs/70_driver_log{rank}.txt")).decode().strip()

    def sees(self, run: Any) -> str:
        """Return the GPUs that a run sees, as soon as it has said so."""
        connection, seen = self.workspace.connection, b""
        for piece in connection.stream("GET", f"/runs/{run.id}/files/azureml-logs/70_driver_log.txt", {"follow": 1}):
            seen += piece
            if seen.endswith(b"\n"):
                return seen.decode().strip()
        raise AssertionError(f"it ended and had said {seen!r}")

    def hold(self, name: str, **more: Any) -> Any:
        """Submit one that goes on until it is released."""
        os.mkfifo(self.pipes / name)
        return self.submit(HELD, {"GO": str(self.pipes / name)}, **more)

    def release(self, name: str) -> None:
        """Let a held run end."""
        (self.pipes / name).write_text("go")


@pytest.fixture
def trial(workspace: Workspace, project: Path, this_python: str, tmp_path: Path) -> Trial:
    return Trial(workspace, project, this_python, tmp_path)


@pytest.fixture
def home(home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A machine with as many pretended GPUs as the test says, or two."""
    count = getattr(request, "param", 2)
    monkeypatch.setenv(FAKE, ",".join(str(number) for number in range(count)))
    return home


@pytest.mark.parametrize("home", [4], indirect=True)
def test_two_nodes_of_two_processes_have_two_each(trial: Trial) -> None:
    cluster = ComputeTarget.create(trial.workspace, "nodes", AmlCompute.provisioning_configuration(max_nodes=2))
    run = trial.submit(
        compute_target=cluster,
        node_count=2,
        process_count_per_node=2,
        distributed_training=PyTorchConfiguration("Gloo", 4, 2),
    )
    assert [trial.saw(run, f"_{rank}") for rank in range(4)] == ["0,1", "0,1", "2,3", "2,3"]


def test_a_run_that_uses_gpus_has_its_own_and_another_sees_the_rest(trial: Trial) -> None:
    plain = trial.hold("plain")
    assert trial.sees(plain) == "unset"
    one = trial.hold("one", use_gpu=True)
    assert trial.sees(one) == "0"
    assert trial.saw(trial.submit()) == "1"
    assert trial.saw(trial.submit(use_gpu=True)) == "1"
    assert trial.saw(trial.submit(variables={"CUDA_VISIBLE_DEVICES": "0"}, use_gpu=True)) == "0"
    for name, run in (("plain", plain), ("one", one)):
        trial.release(name)
        assert run.wait_for_completion()["status"] == "Completed"


@pytest.mark.parametrize("home", [1], indirect=True)
def test_a_run_waits_for_its_gpu_and_others_pass_it(trial: Trial) -> None:
    first = trial.hold("first", use_gpu=True)
    assert trial.sees(first) == "0"
    second = trial.submit(use_gpu=True)
    assert trial.saw(trial.submit()) == ""  # none to be seen
    assert second.get_status() == "Queued"
    trial.release("first")
    assert trial.saw(second) == "0"


def test_more_that_wait_than_are_looked_at_at_once_hold_up_nobody(trial: Trial) -> None:
    held = [trial.hold(name, use_gpu=True) for name in ("one", "other")]
    assert [trial.sees(run) for run in held] == ["0", "1"]
    waiting = [trial.submit(use_gpu=True) for _ in range(40)]
    assert trial.saw(trial.submit()) == ""
    assert {run.get_status() for run in waiting} == {"Queued"}
    for run in waiting:
        run.cancel()
    for name, run in zip(("one", "other"), held, strict=True):
        trial.release(name)
        run.wait_for_completion()


@pytest.mark.own_folder
@pytest.mark.parametrize("home", [1], indirect=True)
def test_a_service_that_was_killed_still_knows_who_has_which(trial: Trial) -> None:
    first = trial.hold("first", use_gpu=True)
    assert trial.sees(first) == "0"
    pid = int(trial.workspace.connection.call("GET", "/service")["pid"])
    watched = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    select.select([watched], [], [])
    os.close(watched)
    second = trial.submit(use_gpu=True)
    assert trial.saw(trial.submit()) == ""
    assert second.get_status() == "Queued"
    trial.release("first")
    assert trial.saw(second) == "0"


@pytest.mark.parametrize("home", [1, 0], indirect=True)
def test_fewer_than_asked_for_is_said(trial: Trial, request: pytest.FixtureRequest) -> None:
    count = request.node.callspec.params["home"]
    run = trial.submit(process_count_per_node=2, distributed_training=PyTorchConfiguration("Nccl", 2, 1), use_gpu=True)
    assert trial.saw(run, "_0") == trial.saw(run, "_1") == ("0" if count else "unset")
    has = "this machine has 1" if count else "this machine has no NVIDIA GPU"
    (warning,) = run.get_details()["warnings"]
    assert warning["message"].startswith(f"The run requests 2 GPUs, and {has}: ")


SCORE = """
import os, time

def run(data):
    time.sleep(0.05)  # so that several callers need several processes
    return [VERSION, os.environ.get("CUDA_VISIBLE_DEVICES")]
"""


@pytest.mark.parametrize("home", [3], indirect=True)
def test_stand_in_each_process_of_a_web_service_has_gpus_of_its_own(
    trial: Trial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment = Environment("serving")
    environment.python.user_managed_dependencies, environment.python.interpreter_path = True, trial.python

    def deploy(version: int, **settings: Any) -> Webservice:
        Path("score.py").write_text(SCORE.replace("VERSION", str(version)))
        config = InferenceConfig("score.py", environment=environment)
        deployment = AksWebservice.deploy_configuration(**settings)
        service: Webservice = Model.deploy(trial.workspace, "seeing", [], config, deployment, overwrite=True)
        return service

    with pytest.raises(WebserviceException, match=r"'seeing' wants 4 GPUs .*, and its machine has 3\."):
        deploy(0, num_replicas=2, gpu_cores=2)
    # The second version gets the GPUs of the first one, or it would wait for them for ever, and one more.
    for version, settings, gpus in (
        (1, {"num_replicas": 2, "gpu_cores": 1}, {"0", "1"}),
        (2, {"gpu_cores": 3}, {"0,1,2"}),
    ):
        service = deploy(version, **settings)
        service.wait_for_deployment()
        seen: set[str] = set()
        while seen != gpus:  # the processes start one after the other
            with ThreadPoolExecutor(4) as callers:
                answers = list(callers.map(service.run, ["x"] * 4))
            assert {answer[0] for answer in answers} == {version}
            seen |= {answer[1] for answer in answers}
            assert seen <= gpus
    assert trial.saw(trial.submit()) == ""
    service.delete()
    assert trial.saw(trial.submit(use_gpu=True)) == "0"


UNTIL_ASKED = """
import os, time
while not os.path.exists(os.environ["ASKED"]) or open(os.environ["ASKED"]).read().count("--query-gpu=utilization") < 2:
    time.sleep(0.02)
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that stands in for nvidia-smi, of which there is none here; where it writes what it is asked."""
    (tmp_path / "bin").mkdir()
    program, asked = tmp_path / "bin" / "nvidia-smi", tmp_path / "asked"
    program.write_text(f'#!/bin/sh\necho "$@" >> {asked}\necho "75, 2048"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return asked


@pytest.mark.own_folder
def test_what_the_gpus_of_a_run_do_is_seen(stand_in: Path, trial: Trial, home: Path) -> None:
    run = trial.submit(UNTIL_ASKED, {"ASKED": str(stand_in)}, use_gpu=True)
    run.wait_for_completion()
    assert "-i 0\n" in stand_in.read_text()
    (journal,) = home.rglob(f"*{run.id}/journal.jsonl")
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    assert {event["v"] for event in events if event["n"] == "system: gpu"} == {0.75}
    assert {event["v"] for event in events if event["n"] == "system: gpu memory"} == {2048 * 2**20}
    assert "warnings" not in run.get_details() or "left" not in str(run.get_details()["warnings"])
