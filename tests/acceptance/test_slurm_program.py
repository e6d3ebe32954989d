"""The program for Slurm, as users run it, on a real cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from slurm_cluster import SlurmCluster

from trainshed import ComputeTarget, Workspace
from trainshed.api.compute.slurm import SlurmCompute

EXAMPLE = Path(__file__).parents[2] / "examples" / "slurm_estimator" / "run.py"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, shared_cluster: SlurmCluster) -> SlurmCluster:
    """A cluster, which the service that a test starts will find."""
    for name, value in shared_cluster.environ.items():
        monkeypatch.setenv(name, value)
    return shared_cluster


def test_the_program_for_slurm(cluster: SlurmCluster, home: Path, workspace: Workspace) -> None:
    done = subprocess.run([sys.executable, EXAMPLE, "short"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("on node n1, job ") and line[-1].isdigit() for line in lines), lines
    assert {"Completed", "y = 3.0 x + 1.99", "The last checkpoint is of step 180."} <= set(lines), lines
    target = ComputeTarget(workspace, "cluster")
    assert isinstance(target, SlurmCompute)
    assert (target.slots, target.type, target.serialize()["time"]) == (1000, "slurm", "10")
    SlurmCompute.attach(workspace, "cluster", "main")
    assert ComputeTarget(workspace, "cluster").serialize().get("time") is None
    target.detach()
    assert "cluster" not in workspace.compute_targets
    assert cluster.jobs() == []
