"""Many alike runs that come to a Slurm target together are one array: one job in the queue, and still runs of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rigs import FOREVER, WAITS, Rig
from slurm_cluster import SlurmCluster

COUNT = 10
LOOKS = """
import os, time
from azureml.core import Run
run = Run.get_context()
print("attempt", os.environ["TRAINSHED_ATTEMPT"], flush=True)
while os.environ["TRAINSHED_ATTEMPT"] == "1" and not run.preempted:
    time.sleep(0.02)
"""


def cluster_of(rig: Rig) -> SlurmCluster:
    """Return the cluster of a rig."""
    assert rig.cluster is not None
    return rig.cluster


def native_id(rig: Rig, run_id: str) -> str:
    """Return the job of a run."""
    return str(rig.service.call("GET", f"/runs/{run_id}")["native_id"])


def reason_until(rig: Rig, run_id: str, words: str) -> str:
    """Return why a run waits, once some words are in it."""
    while words not in (reason := str(rig.service.call("GET", f"/runs/{run_id}")["details"].get("queue_reason"))):
        rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})
    return reason


def cancelled(rig: Rig, run_id: str, reason: str) -> None:
    """Wait until a run has been cancelled, and nothing of it is left."""
    record = rig.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", reason), record
    assert rig.alive(run_id) == set()


def stand_in(folder: Path, name: str, text: str) -> list[str]:
    """Make a stand-in for a command of Slurm; return what finds it first on PATH."""
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    return ["env", f"PATH={folder}:{os.environ['PATH']}", "sh", "-c"]


def together(rig: Rig, script: str, settings: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Submit a script several times so that all of them come to Slurm at the same moment; return runs and native ids."""
    whole = {"kind": "slurm", "poll_seconds": 1, **settings}
    rig.put_target("many", {**whole, "slots": 1})
    first = rig.submit(FOREVER, target="many")
    rig.log_until(first, "up")
    runs = [rig.submit(script, target="many", arguments=[rig.there, str(number)]) for number in range(COUNT)]
    rig.put_target("many", {**whole, "slots": 1 + COUNT})
    while any(rig.service.call("GET", f"/runs/{run_id}")["native_id"] is None for run_id in runs):
        rig.service.call("GET", f"/runs/{runs[0]}/wait", query={"timeout": 1})
    rig.service.call("POST", f"/runs/{first}/cancel")
    rig.wait(first)
    return runs, [native_id(rig, run_id) for run_id in runs]


@pytest.fixture(autouse=True)
def _alone(slurm: Rig) -> Iterator[None]:
    """What a test that fails leaves in the queue is not in the way of the others."""
    yield
    cluster_of(slurm).clear()


def test_alike_runs_are_one_array(slurm: Rig) -> None:
    script = (
        WAITS + "print('up', sys.argv[2], os.environ['SLURM_ARRAY_TASK_ID'], flush=True)\nwait('array')\nprint('end')"
    )
    runs, ids = together(slurm, script, {})
    array, name = ids[0].partition("_")[0], ids[0].partition("@")[2]
    assert sorted(ids) == sorted(f"{array}_{index}@{name}" for index in range(COUNT))
    cluster = cluster_of(slurm)
    assert set(cluster.jobs()) == {name}
    index = {run_id: own.partition("_")[2].partition("@")[0] for run_id, own in zip(runs, ids, strict=True)}
    by_index = sorted(runs, key=lambda run_id: int(index[run_id]))
    # Of eight cores, each task has one; the last two wait.
    for run_id in by_index[:8]:
        slurm.log_until(run_id, "up")
    waiting, last = by_index[8:]
    assert reason_until(slurm, waiting, "Slurm job").startswith(f"Slurm job {array}_{index[waiting]}: ")
    slurm.service.call("POST", f"/runs/{last}/cancel")
    cancelled(slurm, last, "canceled_by_user")
    slurm.service.call("POST", f"/runs/{by_index[0]}/cancel")
    cancelled(slurm, by_index[0], "canceled_by_user")
    slurm.kill_service()
    cluster.call("scancel", f"{array}_{index[by_index[1]]}")
    cancelled(slurm, by_index[1], "canceled_by_admin")
    slurm.go("array")
    for run_id in by_index[2:9]:
        assert slurm.wait(run_id)["status"] == "Completed"
        number = runs.index(run_id)
        assert slurm.log(run_id).splitlines() == [f"up {number} {index[run_id]}", "end"]
    assert cluster.jobs() == []


def test_a_task_is_requeued_by_itself(slurm: Rig) -> None:
    runs, _ = together(slurm, LOOKS, {"requeue": 2, "notice_seconds": 60})
    chosen, other = runs[:2]
    slurm.log_until(chosen, "attempt 1")
    own = native_id(slurm, chosen).partition("@")[0]
    # As Slurm announces an end; scancel would wait until the job goes on.
    cluster_of(slurm).call("sh", "-c", f"timeout 2 scancel --batch --signal=USR1 {own} || true")
    reason_until(slurm, chosen, "BeginTime")
    assert "Attempt 2" not in slurm.log(other)
    for run_id in runs[1:]:
        slurm.service.call("POST", f"/runs/{run_id}/cancel")
        cancelled(slurm, run_id, "canceled_by_user")
    cluster_of(slurm).call("scontrol", "update", f"JobId={own}", "StartTime=now+2")
    record = slurm.wait(chosen)
    assert (record["status"], record["details"]["exit"]["attempt"]) == ("Completed", 2), record["details"]


def test_arrays_whose_answers_were_lost_are_submitted_once(slurm: Rig, tmp_path: Path) -> None:
    """Stand-ins on PATH: an sbatch that says of arrays that Slurm does not answer, a scontrol that tells of small ones."""
    real, sent = shutil.which("sbatch"), tmp_path / "sent"
    lossy = (
        f'#!/bin/sh\nout=$({real} "$@") || exit 1\nn=$(squeue -h --array --jobs="$out" | wc -l)\necho $n >>{sent}\n'
        "[ $n -le 1 ] || { echo 'sbatch: error: Socket timed out on send/recv operation' >&2; exit 1; }\necho $out\n"
    )
    stand_in(tmp_path, "sbatch", lossy)
    small = f'#!/bin/sh\n{shutil.which("scontrol")} "$@" | sed "s/^MaxArraySize .*/MaxArraySize = {COUNT // 2}/"\n'
    runs, ids = together(slurm, "print('ran')", {"connect": stand_in(tmp_path, "scontrol", small)})
    assert len({own.partition("_")[0] for own in ids}) == 2
    assert [slurm.wait(run_id)["status"] for run_id in runs] == ["Completed"] * COUNT
    assert [int(line) for line in sent.read_text().split() if int(line) > 1] == [COUNT // 2] * 2
    assert [slurm.log(run_id) for run_id in runs] == ["ran\n"] * COUNT
