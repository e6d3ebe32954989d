"""The end of a Slurm job that Slurm announces: scripts look, stop and go on, in the next run or in another attempt."""

from __future__ import annotations

from typing import Any

from rigs import FOREVER, Rig
from slurm_cluster import SlurmCluster

from trainshed import Environment, Experiment, ScriptRunConfig, Workspace

LOOKS = """
import os, sys, time
from azureml.core import Run
run = Run.get_context()
first = int(open("outputs/step").read()) if os.path.exists("outputs/step") else 0
print("attempt", os.environ["TRAINSHED_ATTEMPT"], "from step", first, flush=True)
for step in range(first, 100000):
    if run.preempted:
        print("saved", flush=True)
        with open("outputs/step", "w") as file:
            file.write("7")
        break
    if first:
        print("done", flush=True)
        break
    time.sleep(0.02)
"""
HANDLES = """
import os, signal, sys, time
def told(*_):
    print("told", os.environ.get("RANK", ""), flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, told)
print("up", flush=True)
time.sleep(600)
"""


def cluster_of(rig: Rig) -> SlurmCluster:
    """Return the cluster of a rig."""
    assert rig.cluster is not None
    return rig.cluster


def job_of(rig: Rig, run_id: str) -> str:
    """Return the job of a run."""
    return str(rig.service.call("GET", f"/runs/{run_id}")["native_id"])


def announce(rig: Rig, run_id: str) -> None:
    """Do what slurmctld does that many seconds before the end of a job."""
    cluster_of(rig).call("scancel", "--batch", "--signal=USR1", job_of(rig, run_id))


def target(rig: Rig, name: str, **settings: Any) -> str:
    """Make a target, and return its name."""
    rig.put_target(name, {"kind": "slurm", "poll_seconds": 1, **settings})
    return name


def test_a_job_that_is_preempted_is_announced(slurm: Rig) -> None:
    """By Slurm itself, to two runs of which one handles SIGTERM and one looks; either stops at once."""
    calm = target(slurm, "spare", partition="spare", exclusive=True, notice_seconds=60)
    runs = [slurm.submit(script, target=calm) for script in (HANDLES, LOOKS)]
    for run_id, word in zip(runs, ("up", "attempt"), strict=True):
        slurm.log_until(run_id, word)
    urgent = target(slurm, "urgent", partition="urgent", exclusive=True)
    whole: dict[str, Any] = {"launcher": "torch", "backend": "gloo", "node_count": 2}
    assert slurm.wait(slurm.submit("pass", target=urgent, **whole))["status"] == "Completed"
    words = "Slurm took the nodes of the run's job for a job of higher priority."
    for run_id, how in zip(runs, ("The script exited with exit code 3.", "stopped with exit code 0."), strict=True):
        record = slurm.wait(run_id)
        error = record["details"]["error"]
        assert (record["status"], record["reason"], error["code"]) == ("Failed", "preempted", "SystemError"), record
        assert words in error["message"]
        assert how in error["message"]
    assert slurm.read(runs[1], "outputs/step") == b"7"


def test_what_neither_looks_nor_handles_goes_on(slurm: Rig) -> None:
    run_id = slurm.submit(
        "import time, os\nprint('up', flush=True)\nwhile not os.path.exists('outputs/go'): time.sleep(0.02)"
    )
    slurm.log_until(run_id, "up")
    announce(slurm, run_id)
    while not (slurm.run_there(run_id) / "preempted").exists():
        pass
    (slurm.run_there(run_id) / "code" / "outputs" / "go").touch()
    record = slurm.wait(run_id)
    assert record["status"] == "Completed"
    assert record["details"]["warnings"][-1]["message"].endswith("The script had ended before.")


def test_the_ranks_of_two_nodes_are_told(slurm: Rig) -> None:
    kinds: dict[str, dict[str, Any]] = {"torch": {"backend": "gloo"}, "openmpi": {}}
    for launcher, more in kinds.items():
        run_id = slurm.submit(HANDLES, launcher=launcher, node_count=2, **more)
        seen = ""
        pieces = slurm.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
        while seen.count("up") < 2:
            seen += next(pieces).decode()
        announce(slurm, run_id)
        record = slurm.wait(run_id)
        assert (record["status"], record["reason"]) == ("Failed", "time_limit"), record
        assert slurm.log(run_id).count("told") == 2


def test_the_next_run_goes_on_from_the_outputs(slurm: Rig) -> None:
    """As v1's tutorials do it, with resume_from."""
    workspace = Workspace(path=str(slurm.root))
    folder = slurm.projects / "resumes"
    folder.mkdir()
    (folder / "train.py").write_text(
        "import argparse, os\nparser = argparse.ArgumentParser()\nparser.add_argument('--resume-from')\n"
        "print('goes on from', open(os.path.join(parser.parse_args().resume_from, 'step')).read())\n"
    )
    first = slurm.submit(LOOKS)
    slurm.log_until(first, "attempt")
    announce(slurm, first)
    assert slurm.wait(first)["status"] == "Failed"
    environment = Environment("existing")
    environment.python.user_managed_dependencies = True
    outputs = workspace.get_run(first)._get_outputs_datapath()
    config = ScriptRunConfig(
        str(folder), "train.py", compute_target="cluster", environment=environment, resume_from=outputs
    )
    run = Experiment(workspace, "resumed").submit(config)
    assert slurm.wait(run.id)["status"] == "Completed"
    assert slurm.log(run.id) == "goes on from 7\n"


def test_an_attempt_follows_in_the_same_run(slurm: Rig) -> None:
    again = target(slurm, "again", requeue=2, notice_seconds=60)
    run_id = slurm.submit(LOOKS, target=again)
    slurm.log_until(run_id, "attempt")
    announce(slurm, run_id)
    waits(slurm, run_id)
    assert "earliest start" in reason_of(slurm, run_id)
    record = slurm.wait(run_id)
    assert record["status"] == "Completed", record
    assert record["details"]["exit"]["attempt"] == 2
    assert slurm.log(run_id).splitlines() == [
        "attempt 1 from step 0",
        "saved",
        "Attempt 2: Slurm has requeued the run's job and started it again.",
        "attempt 2 from step 7",
        "done",
    ]


def test_an_attempt_follows_on_two_nodes(slurm: Rig) -> None:
    again = target(slurm, "again-on-two", requeue=1, notice_seconds=60)
    second = "import os, sys\nif os.environ['TRAINSHED_ATTEMPT'] == '2': sys.exit(print('again'))\n"
    run_id = slurm.submit(second + HANDLES, target=again, launcher="openmpi", node_count=2)
    seen = ""
    pieces = slurm.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
    while seen.count("up") < 2:
        seen += next(pieces).decode()
    announce(slurm, run_id)
    waits(slurm, run_id)
    record = slurm.wait(run_id)
    assert (record["status"], record["details"]["exit"]["attempt"]) == ("Completed", 2), record
    assert sorted(line for line in slurm.log(run_id).splitlines() if "again" in line) == [
        "Attempt 2: Slurm has requeued the run's job and started it again.",
        "[rank 0] again",
        "[rank 1] again",
    ]


def reason_of(rig: Rig, run_id: str) -> str:
    """Return why a run waits."""
    return str(rig.service.call("GET", f"/runs/{run_id}")["details"].get("queue_reason"))


def waits(rig: Rig, run_id: str) -> None:
    """Return once a requeued job waits, which Slurm has it do for two minutes; they are over at once here.

    Slurm starts a job in the second of its requeue in vain: "credential revoked".
    """
    while "BeginTime" not in reason_of(rig, run_id):
        rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})
    cluster_of(rig).call("scontrol", "update", f"JobId={job_of(rig, run_id)}", "StartTime=now+2")


def test_a_run_is_not_tried_more_often_than_asked(slurm: Rig) -> None:
    once = target(slurm, "once", requeue=1)
    run_id = slurm.submit(FOREVER, target=once)
    slurm.log_until(run_id, "up")
    cluster, job = cluster_of(slurm), job_of(slurm, run_id)
    for attempt in (1, 2):
        cluster.until(lambda count=attempt: slurm.log(run_id).count("up") == count)  # type: ignore[misc]
        # An administrator's requeue ends the job as a preemption by Slurm's own requeue does.
        cluster.call("scontrol", "requeue", job)
        cluster.until(lambda: cluster.call("squeue", "--noheader", f"--jobs={job}", "--format=%T") == "PENDING\n")
        cluster.call("scontrol", "update", f"JobId={job}", "StartTime=now+2")
    record = slurm.wait(run_id)
    assert (record["status"], record["reason"]) == ("Failed", "host_lost"), record
    assert slurm.log(run_id).count("up") == 2
