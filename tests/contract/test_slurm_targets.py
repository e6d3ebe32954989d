"""A Slurm target does what targets do: all of it where its nodes share the workspace, the rest behind a login host."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import common_data
import common_targets
import pytest
from common_data import (
    server,  # noqa: F401 - a fixture
    store,  # noqa: F401 - a fixture
    test_a_data_reference_is_read,  # noqa: F401
    test_an_environment_is_built_there_once,  # noqa: F401
    test_an_environment_that_cannot_be_built,  # noqa: F401
    test_an_output_is_kept_and_registered,  # noqa: F401
    test_open_mpi_starts_its_ranks_there,  # noqa: F401
    test_two_processes_find_each_other,  # noqa: F401
)
from common_targets import *  # noqa: F403 - the tests themselves
from rigs import FOREVER, Rig
from slurm_cluster import SlurmCluster

from trainshed.errors import UserErrorException


@pytest.fixture(scope="module")
def rig(_environment: None, shared_cluster: SlurmCluster) -> Iterator[Rig]:
    """A cluster whose nodes share the workspace's folder with the service."""
    made = Rig("slurm", cluster=shared_cluster)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def login(_environment: None, shared_cluster: SlurmCluster) -> Iterator[Rig]:
    """A cluster behind a login host with a real sshd, whose runs have a folder of their own."""
    made = Rig("slurm-ssh", cluster=shared_cluster)
    yield made
    made.stop()


@pytest.fixture(scope="module", autouse=True)
def overdue(rig: Rig, shared_cluster: SlurmCluster) -> tuple[str, str]:
    """A run whose job is beyond its time limit, and the job: slurmctld looks for such jobs twice a minute."""
    rig.put_target("timed", {"kind": "slurm", "poll_seconds": 1})
    run_id = rig.submit(FOREVER, target="timed")
    rig.log_until(run_id, "up")
    job = str(rig.service.call("GET", f"/runs/{run_id}")["native_id"])
    shared_cluster.call("scontrol", "update", f"JobId={job}", "EndTime=now")
    return run_id, job


@pytest.mark.parametrize(
    "of_targets",
    [
        common_targets.test_exit_code_and_tail,
        common_targets.test_a_log_is_followed_while_it_grows,
        common_targets.test_metrics_come_while_it_runs,
        common_targets.test_cancel_ends_the_whole_tree,
    ],
    ids=lambda test: test.__name__,
)
def test_behind_a_login_host(login: Rig, of_targets: Callable[[Rig], None]) -> None:
    of_targets(login)


def test_data_behind_a_login_host(login: Rig) -> None:
    folder = common_data.made_store(login)
    common_data.test_a_data_reference_is_read(login, folder, "mount")
    common_data.test_an_output_is_kept_and_registered(login, folder, "upload")


def test_data_in_a_folder_that_the_cluster_shares(login: Rig, shared_cluster: SlurmCluster) -> None:
    folder = common_data.made_store(login)
    settings = {"kind": "slurm", **shared_cluster.login(), "folder": str(login.folder / "there"), "poll_seconds": 1}
    login.put_target("sharing", {**settings, "shared": [str(folder)]})
    data = [{"name": "numbers", "datastore": "store", "path": "deep", "mode": "mount"}]
    script = "import os, sys\nprint(os.path.realpath(sys.argv[1]), sorted(os.listdir(sys.argv[1])))"
    spec = {"data": data, "arguments": ["$AZUREML_DATAREFERENCE_numbers"]}
    run_id = login.completed(script, target="sharing", **spec)
    assert login.log(run_id) == f"{folder}/deep ['b.csv', 'c.txt']\n"
    for shared, words in (
        ("/data", "give a list of folders"),
        (["data"], "absolute paths"),
        (["/no"], "no such folder"),
    ):
        with pytest.raises(UserErrorException, match=words):
            login.put_target("sharing", {**settings, "shared": shared})


def test_a_job_whose_time_is_over(rig: Rig, overdue: tuple[str, str]) -> None:
    run_id, job = overdue
    record = rig.wait(run_id)
    assert (record["status"], record["reason"]) == ("Failed", "time_limit"), record
    assert record["details"]["error"]["message"].startswith(f"Slurm ended job {job} at its time limit")
    assert rig.alive(run_id) == set()
