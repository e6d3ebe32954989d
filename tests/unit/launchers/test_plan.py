"""Launchers are pure: one job, one plan, as the golden files say. ``GOLDEN=write`` writes them anew, to be read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from trainshed.errors import RunConfigurationException
from trainshed.launchers.plan import LAUNCHERS, Job, Node, plan

GOLDEN = Path(__file__).parent / "golden"
AGENT = ("python", "-S", "-E", "rank_agent.py", "/run/ranks")


def job(nodes: int = 1, processes: int = 1, gpus: int = 0, **more: object) -> Job:
    there = tuple(
        Node(
            f"node-{index}",
            "127.0.0.1",
            f"/run/nodes/{index}/code",
            tuple(str(gpu) for gpu in range(index * gpus, (index + 1) * gpus)) if gpus else None,
        )
        for index in range(nodes)
    )
    return Job(there, processes, AGENT, (6105, 6106, 6107), **more)  # type: ignore[arg-type]


CASES = {
    "torch_several_machines": ("torch", job(2, 2, backend="gloo", waiting=True)),
    "tensorflow_several_machines": ("tensorflow", job(2, 1, workers=2, waiting=True)),
    "openmpi_several_machines": (
        "openmpi",
        job(
            2,
            1,
            mpirun="/usr/bin/mpirun",
            scratch="/run/scratch",
            waiting=True,
            env_forwarder=("/bin/sh", "-c", "forward"),
        ),
    ),
    "openmpi_daemons_by_agents": (
        "openmpi",
        job(
            2,
            1,
            mpirun="/usr/bin/mpirun",
            waiting=True,
            launch_agent="launch",
            env_forwarder=("/bin/sh", "-c", "forward"),
        ),
    ),
    "openmpi_pool": ("openmpi", job(2, 2, mpirun="/usr/bin/mpirun", launch_agent="launch")),
    "single": ("single", job()),
    "single_gpu": ("single", job(gpus=1)),
    "openmpi_2x1": ("openmpi", job(2, mpirun="/usr/bin/mpirun", scratch="/run/ranks/scratch")),
    "openmpi_forwarders": (
        "openmpi",
        job(1, 2, mpirun="/usr/bin/mpirun", env_forwarder=("/bin/sh", "-c", "forward", "/run/ranks")),
    ),
    "openmpi_2x2_root_gpus": ("openmpi", job(2, 2, 2, mpirun="/opt/bin/mpirun", root=True)),
    "openmpi_user_set_interfaces": (
        "openmpi",
        job(1, 2, 2, environment={"NCCL_SOCKET_IFNAME": "eth0", "GLOO_SOCKET_IFNAME": "eth0"}),
    ),
    "torch_gloo_1x2": ("torch", job(1, 2, backend="gloo")),
    "torch_nccl_2x2": ("torch", job(2, 2, 2, backend="nccl")),
    "tensorflow_2_workers_1_server": ("tensorflow", job(3, 1, workers=2, servers=1)),
    "tensorflow_mirrored": ("tensorflow", job(1, 2, workers=2)),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_plan_is_as_the_golden_file_says(name: str) -> None:
    made = plan(*CASES[name])
    told = {
        "starter": list(made.starter),
        "variables": dict(made.variables),
        "agent": list(made.agent),
        "ranks": [rank._asdict() for rank in made.ranks],
    }
    file = GOLDEN / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        file.write_text(json.dumps(told, indent=2) + "\n")
    assert json.loads(json.dumps(told)) == json.loads(file.read_text())


def test_each_launcher_has_a_golden_file() -> None:
    assert {launcher for launcher, _ in CASES.values()} == set(LAUNCHERS)
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(CASES)


def test_an_unknown_launcher() -> None:
    with pytest.raises(RunConfigurationException, match="Did you mean 'openmpi'"):
        plan("openmp", job())
