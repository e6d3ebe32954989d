"""Partitions of a Slurm cluster, named by a run's target or by the name of a cluster that stands for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rigs import Rig
from slurm_cluster import SlurmCluster

from trainshed import AmlCompute, ComputeTarget, Workspace
from trainshed.cli.main import main
from trainshed.errors import ComputeTargetException, UserErrorException

WHERE = "import os; print(os.environ['SLURM_JOB_PARTITION'])"


@pytest.fixture
def rig(_environment: None, shared_cluster: SlurmCluster) -> Iterator[Rig]:
    """A cluster whose service knows nothing of it yet."""
    made = Rig("slurm", cluster=shared_cluster)
    made.service.call("DELETE", f"/targets/{made.target}")
    yield made
    made.stop()


def test_a_cluster_that_stands_for_a_partition(rig: Rig) -> None:
    ws = Workspace(path=str(rig.root))
    assert main(["target", "map", "cpu-cluster", "slurm:short", "--workspace", str(rig.root)]) == 0
    ComputeTarget.create(ws, "cpu-cluster", AmlCompute.provisioning_configuration(max_nodes=2))
    assert rig.log(rig.completed(WHERE, target="cpu-cluster")) == "short\n"
    assert rig.log(rig.completed(WHERE, target="slurm:main")) == "main\n"
    assert rig.log(rig.completed(WHERE, target="slurm")) == "main\n"
    listed = [run["target"] for run in rig.service.call("GET", "/runs", query={"target": "slurm"})["runs"]]
    assert listed == ["slurm", "slurm:main", "slurm:short"]
    with pytest.raises((ComputeTargetException, UserErrorException), match="nosuch"):
        ComputeTarget.map(ws, "cpu-cluster", "slurm:nosuch")
    # A run in a partition goes on whatever becomes of the name, and holds the target.
    run_id = rig.submit("import time; print('up', flush=True); time.sleep(600)", target="cpu-cluster")
    rig.log_until(run_id, "up")
    ComputeTarget.unmap(ws, "cpu-cluster")
    with pytest.raises(ComputeTargetException, match=f"'slurm' has 1 unfinished runs, such as {run_id}"):
        ComputeTarget(ws, "slurm").delete()
    rig.service.call("POST", f"/runs/{run_id}/cancel")
    assert rig.wait(run_id)["status"] == "Canceled"
