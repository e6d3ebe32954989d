"""What only a Slurm target does: its queue and its reasons, who ends a job, what is refused, and its own deaths."""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ssh_machine
from rigs import FOREVER, WAITS, Make, Rig
from slurm_cluster import SlurmCluster

from trainshed import Workspace
from trainshed.client.embedded import running
from trainshed.errors import ComputeTargetException, UserErrorException
from trainshed.node.slurm import expand


@pytest.fixture(autouse=True)
def _alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test that fails leaves in the queue is not in the way of the others."""
    yield
    if "slurm" in request.fixturenames:
        cluster_of(request.getfixturevalue("slurm")).clear()


def cluster_of(rig: Rig) -> SlurmCluster:
    """Return the cluster of a rig."""
    assert rig.cluster is not None
    return rig.cluster


def details_until(rig: Rig, run_id: str, words: str) -> dict[str, Any]:
    """Return the details of a run once they contain some words."""
    while True:
        record: dict[str, Any] = rig.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 0})
        assert record["status"] not in ("Completed", "Failed", "Canceled"), record
        if words in json.dumps(record["details"]):
            return record


def native_id(rig: Rig, run_id: str) -> str:
    """Return the job of a run."""
    return str(rig.service.call("GET", f"/runs/{run_id}")["native_id"])


def ended(rig: Rig, run_id: str, status: str, reason: str) -> dict[str, Any]:
    """Wait until a run has ended, and return its details; it has ended so, and nothing of it is left."""
    record = rig.wait(run_id)
    assert (record["status"], record["reason"]) == (status, reason), record
    assert rig.alive(run_id) == set()
    return dict(record["details"])


def test_a_run_is_a_job_on_a_node(slurm: Rig) -> None:
    script = (
        "import os, platform\nprint(platform.node(), os.environ['SLURM_JOB_ID'], os.environ['SLURM_JOB_NAME'], "
        "os.environ['SLURM_JOB_CPUS_PER_NODE'])"
    )
    run_id = slurm.completed(script, slots=3)
    assert slurm.log(run_id).split() == ["n1", native_id(slurm, run_id), f"{run_id}.1", "3"]
    states = slurm.states(run_id)
    assert states[:3] == ["NotStarted", "Queued", "Provisioning"]
    assert states[-3:] == ["Running", "Finalizing", "Completed"]


def test_a_pending_run_says_why_and_when(slurm: Rig) -> None:
    slurm.put_target("timed", {"kind": "slurm", "time": "10", "exclusive": True, "poll_seconds": 1})
    first, second = (slurm.submit(FOREVER, target="timed", slots=4) for _ in range(2))
    third = slurm.submit("print('ran')", target="timed", slots=4)
    for run_id in (first, second):
        slurm.log_until(run_id, "up")
    # The reason of the first moment may be another: the scheduler has not looked yet.
    details_until(slurm, third, "(Resources) Estimated start")
    record = slurm.service.call("GET", f"/runs/{third}")
    assert record["status"] == "Provisioning"
    reason = record["details"]["queue_reason"]
    assert reason in slurm.page(f"runs/{third}").replace("&#x27;", "'")
    details = Workspace(path=str(slurm.root)).get_run(third).get_details()
    assert details.queueReason == reason
    assert reason.startswith(f"Slurm job {native_id(slurm, third)}: It waits until enough nodes are free. (Resources)")
    for run_id in (first, second):
        slurm.service.call("POST", f"/runs/{run_id}/cancel")
        ended(slurm, run_id, "Canceled", "canceled_by_user")
    assert slurm.wait(third)["status"] == "Completed"
    assert cluster_of(slurm).jobs() == []


def test_a_pending_run_is_cancelled(slurm: Rig) -> None:
    slurm.put_target("later", {"kind": "slurm", "directives": {"begin": "now+1hour"}, "poll_seconds": 1})
    run_id = slurm.submit("print('never')", target="later")
    details_until(slurm, run_id, "BeginTime")
    slurm.service.call("POST", f"/runs/{run_id}/cancel")
    ended(slurm, run_id, "Canceled", "canceled_by_user")
    assert cluster_of(slurm).jobs() == []


def test_an_administrator_cancels_a_pending_run_and_a_running_one(slurm: Rig) -> None:
    slurm.put_target("later", {"kind": "slurm", "directives": {"begin": "now+1hour"}, "poll_seconds": 1})
    pending = slurm.submit("print('never')", target="later")
    details_until(slurm, pending, "BeginTime")
    running = slurm.submit(FOREVER)
    slurm.log_until(running, "up")
    for run_id in (pending, running):
        cluster_of(slurm).call("scancel", native_id(slurm, run_id))
        details = ended(slurm, run_id, "Canceled", "canceled_by_admin")
        assert details["warnings"][-1]["message"] == (
            f"Job {native_id(slurm, run_id)} was cancelled in Slurm and not by Trainshed: by an administrator, or with "
            "scancel."
        )


def test_what_ignores_sigterm_is_killed_after_the_grace_period(slurm: Rig) -> None:
    run_id = slurm.submit("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER, grace_seconds=0.5)
    slurm.log_until(run_id, "up")
    slurm.service.call("POST", f"/runs/{run_id}/cancel")
    details = ended(slurm, run_id, "Canceled", "canceled_by_user")
    assert details["exit"]["signal"] == 9
    assert cluster_of(slurm).jobs() == []


def test_a_job_that_is_preempted(slurm: Rig) -> None:
    for name, partition in (("calm", "main"), ("urgent", "urgent")):
        settings = {"kind": "slurm", "partition": partition, "exclusive": True, "poll_seconds": 1}
        slurm.put_target(name, settings)
    script = "import os\nopen('outputs/step', 'w').write('7')\n" + FOREVER
    first, second = (slurm.submit(script, target="calm") for _ in range(2))
    for run_id in (first, second):
        slurm.log_until(run_id, "up")
    assert slurm.wait(slurm.submit("pass", target="urgent"))["status"] == "Completed"
    taken = ""
    while not taken:
        for run_id in (first, second):
            if slurm.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})["reason"]:
                taken = run_id
    details = ended(slurm, taken, "Failed", "preempted")
    assert details["error"]["code"] == "SystemError"
    assert details["error"]["message"].startswith(f"Slurm took the nodes of job {native_id(slurm, taken)}")
    assert slurm.read(taken, "outputs/step") == b"7"
    (other,) = {first, second} - {taken}
    slurm.service.call("POST", f"/runs/{other}/cancel")
    ended(slurm, other, "Canceled", "canceled_by_user")


def test_a_lost_answer_submits_nothing_twice(slurm: Rig, tmp_path: Path) -> None:
    """A stand-in for sbatch on PATH, which submits and then fails, as where the answer of slurmctld is lost."""
    counts = tmp_path / "calls"
    real = shutil.which("sbatch")
    connect = stand_in(
        tmp_path,
        "sbatch",
        f'#!/bin/sh\n{real} "$@" >/dev/null || exit 1\necho x >>{counts}\n'
        'case "$*" in *--test-only*) exit 0;; esac\n'
        "echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2\nexit 1\n",
    )
    slurm.put_target("lossy", {"kind": "slurm", "connect": connect, "poll_seconds": 1})
    run_id = slurm.completed("print('ran')", target="lossy")
    assert slurm.log(run_id) == "ran\n"
    assert counts.read_text() == "x\nx\n"  # once when it was attached, once for the run


def test_a_squeue_that_answers_nothing_ends_no_run(slurm: Rig, tmp_path: Path) -> None:
    """A stand-in for squeue on PATH, which lists no jobs."""
    connect = stand_in(tmp_path, "squeue", f"#!/bin/sh\necho x >>{tmp_path}/calls\n")
    slurm.put_target("silent", {"kind": "slurm", "connect": connect, "poll_seconds": 1})
    run_id = slurm.submit(FOREVER, target="silent")
    slurm.log_until(run_id, "up")
    calls = tmp_path / "calls"
    before = calls.stat().st_size
    while calls.stat().st_size < before + 6:
        assert slurm.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})["status"] == "Running"
    slurm.service.call("POST", f"/runs/{run_id}/cancel")
    ended(slurm, run_id, "Canceled", "canceled_by_user")


def test_a_job_of_the_same_id_that_is_not_ours(slurm: Rig, tmp_path: Path) -> None:
    """A stand-in for squeue on PATH: by it, the id has become that of another job, as on a cluster installed anew."""
    real, reused = shutil.which("squeue"), tmp_path / "reused"
    changed = f"s/[^|]*$(cat {reused})/somebodys/; s/COMPLETING\\|CANCELLED/RUNNING/"
    text = f'#!/bin/sh\nif [ -e {reused} ]; then {real} "$@" | sed "{changed}"; else {real} "$@"; fi\n'
    slurm.put_target("anew", {"kind": "slurm", "connect": stand_in(tmp_path, "squeue", text), "poll_seconds": 1})
    run_id = slurm.submit(FOREVER, target="anew")
    slurm.log_until(run_id, "up")
    (tmp_path / "name").write_text(f"{run_id}.1")
    (tmp_path / "name").rename(reused)
    cluster_of(slurm).call("scancel", native_id(slurm, run_id))
    ended(slurm, run_id, "Failed", "host_lost")  # as its exit.json says, of whose SIGTERM nothing else is known


def test_what_cannot_be_is_refused_when_it_is_attached(slurm: Rig) -> None:
    def refusal(**settings: Any) -> str:
        with pytest.raises(UserErrorException) as error:
            slurm.put_target("wrong", {"kind": "slurm", **settings})
        return error.value.message

    assert refusal(partition="gpus") == (
        "There is no partition 'gpus' on this cluster. Available: main, short, spare, urgent."
    )
    assert "longer than the partition allows" in refusal(partition="short", time="2:00:00")
    assert "is no time" in refusal(time="soon")
    assert "No node has the features of constraint='a100'" in refusal(constraint="a100")
    assert "no nodes with all that is requested together" in refusal(memory="3T")
    assert "does not know one of the directives" in refusal(directives={"colour": "red"})
    assert "must be one line" in refusal(account="a\n#SBATCH --uid=0")
    assert "cannot be chosen" in refusal(directives={"wrap": "true"})
    assert "has no setting 'nodes'" in refusal(nodes=2)
    assert refusal(folder="scratch").endswith(
        "it must be the absolute path of a folder that all nodes of the cluster share."
    )
    assert refusal(folder="/it's") == "Target 'wrong': folder is \"/it's\"; a path with \"'\" cannot be used."
    assert "host is 5; give a name such as a host of your ssh configuration" in refusal(host=5)
    assert "config is '/nowhere', and there is no such file" in refusal(host="login", config="/nowhere")
    assert "Machine 'login.invalid' cannot be reached: there is no host of that name" in refusal(host="login.invalid")
    names = [each["name"] for each in slurm.service.call("GET", "/targets")["targets"]]
    assert "wrong" not in names


def stand_in(folder: Path, name: str, text: str) -> list[str]:
    """Make a stand-in for a command of Slurm; return what finds it first on PATH."""
    program = folder / name
    program.write_text(text)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return ["env", f"PATH={folder}:{os.environ['PATH']}", "sh", "-c"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "Invalid account or account/partition combination specified",
            "Account 'physics' does not exist, or you may not use it in partition 'main'.",
        ),
        ("Invalid qos specification", "Quality of service 'high' does not exist, or your account may not use it."),
        (
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            "accounting/QOS policy",
        ),
    ],
)
def test_what_the_accounting_refuses(slurm: Rig, tmp_path: Path, said: str, words: str) -> None:
    """A stand-in for sbatch on PATH, which says what Slurm says on clusters with accounting."""
    text = f'#!/bin/sh\necho "sbatch: error: Batch job submission failed: {said}" >&2\nexit 1\n'
    settings = {"partition": "main", "account": "physics", "qos": "high"}
    with pytest.raises(UserErrorException, match="Slurm refuses the job of target 'charged': ") as error:
        slurm.put_target("charged", {"kind": "slurm", "connect": stand_in(tmp_path, "sbatch", text), **settings})
    assert words in error.value.message


def test_a_job_that_needs_more_memory_than_it_has(slurm: Rig, tmp_path: Path) -> None:
    """Stand-ins on PATH: only a Slurm with control groups, which this one has not, says OUT_OF_MEMORY."""
    for name in ("squeue", "scontrol"):
        real = shutil.which(name)
        connect = stand_in(tmp_path, name, f'#!/bin/sh\n{real} "$@" | sed s/CANCELLED/OUT_OF_MEMORY/\n')
    slurm.put_target("small", {"kind": "slurm", "connect": connect, "poll_seconds": 1})
    run_id = slurm.submit(FOREVER, target="small")
    slurm.log_until(run_id, "up")
    cluster_of(slurm).call("scancel", native_id(slurm, run_id))
    details = ended(slurm, run_id, "Failed", "oom")
    assert "used more memory than it had requested" in details["error"]["message"]


def test_more_cores_than_a_node_has(slurm: Rig) -> None:
    details = ended(slurm, slurm.submit("pass", slots=40), "Failed", "start_failed")
    assert "The run requests more cores than the partition has" in details["error"]["message"]


def test_gpus(slurm: Rig) -> None:
    more: dict[str, Any] = {"launcher": "torch", "backend": "gloo", "use_gpu": True}
    script = "import os; print(os.environ['SLURM_GPUS_ON_NODE'])"
    run_id = slurm.completed(script, process_count_per_node=2, **more)
    assert sorted(slurm.log(run_id).splitlines()) == ["[rank 0] 2", "[rank 1] 2"]
    assert slurm.service.call("GET", f"/runs/{run_id}")["details"]["warnings"] == []
    details = ended(slurm, slurm.submit(script, process_count_per_node=3, **more), "Failed", "start_failed")
    assert "The cluster has no nodes with all that is requested together" in details["error"]["message"]
    slurm.put_target("typed", {"kind": "slurm", "gpu_type": "test", "poll_seconds": 1})
    assert slurm.log(slurm.completed(script, target="typed", use_gpu=True)) == "1\n"


def test_no_option_becomes_another_directive(slurm: Rig) -> None:
    odd = '"it\'s" # 100 % \\ $HOME `id` --time=1'
    settings = {"kind": "slurm", "directives": {"comment": odd, "begin": "now+1hour"}, "poll_seconds": 1}
    slurm.put_target("odd", settings)
    run_id = slurm.submit("pass", target="odd")
    details_until(slurm, run_id, "BeginTime")
    shown = cluster_of(slurm).call("squeue", "--noheader", f"--jobs={native_id(slurm, run_id)}", "--format=%k %l")
    assert shown == f"{odd} UNLIMITED\n"
    slurm.service.call("POST", f"/runs/{run_id}/cancel")
    ended(slurm, run_id, "Canceled", "canceled_by_user")


def test_host_lists_are_read_as_slurm_reads_them(slurm: Rig) -> None:
    for nodes in ("n[1-2]", "gpu[08-11,7],login", "a,b", "rack[1-2]n[03-04,9]", "x[098-101],z[1]", "n1"):
        told = cluster_of(slurm).call("scontrol", "show", "hostnames", nodes).split()
        assert list(expand(nodes)) == told


def test_processes_on_one_node(slurm: Rig) -> None:
    script = "import os; print(os.environ['RANK'], os.environ['WORLD_SIZE'], os.environ['SLURM_NTASKS_PER_NODE'])"
    more = {"launcher": "torch", "backend": "gloo", "process_count_per_node": 2}
    run_id = slurm.completed(script, **more)
    assert sorted(slurm.log(run_id).splitlines()) == ["[rank 0] 0 2 2", "[rank 1] 1 2 2"]


def test_without_slurm(make: Make, tmp_path: Path) -> None:
    for program in ("env", "sh", "sed"):
        (tmp_path / program).symlink_to(shutil.which(program) or "")
    (tmp_path / "python3").symlink_to(Path(sys.executable).resolve())
    with pytest.raises(UserErrorException) as error:
        make("local").put_target("none", {"kind": "slurm", "connect": ["env", f"PATH={tmp_path}", "sh", "-c"]})
    assert error.value.message == (
        f"Target 'none' cannot be used now: Slurm's commands are not on the PATH of {platform.node()} (sbatch: 1: exec: "
        "sbatch: not found). Once 'sinfo' lists the cluster's partitions there, attach it again."
    )


def test_a_login_host_without_a_cluster(make: Make) -> None:
    """It is reached as ssh targets are, and nothing of the try is left."""
    rig = make("ssh")
    assert isinstance(rig.far, ssh_machine.SshMachine)
    settings = {**rig.far.settings(), "kind": "slurm"}
    with pytest.raises(UserErrorException) as error:
        rig.put_target("cluster", settings)
    # Whether Slurm's commands are there depends on where they are installed on this machine.
    answers = ("Slurm's commands are not on the PATH of", "Slurm does not answer: sbatch: ")
    assert error.value.message.startswith(tuple(f"Target 'cluster' cannot be used now: {answer}" for answer in answers))
    with pytest.raises(ComputeTargetException):
        rig.service.call("GET", "/targets/cluster")


@pytest.mark.parametrize("hidden", ["folder", "python"])
def test_nodes_that_lack_what_runs_need(slurm: Rig, hidden: str) -> None:
    """It is said when the target is attached if the node is free then, else when the first run has been there."""
    missing = {
        "folder": "did not find the folder of the run directories. It must be on a file system that all nodes share. If",
        "python": "could not start Trainshed's Python. It must be at the same path on every node, for example in a home",
    }[hidden]
    cluster, settings = cluster_of(slurm), {"kind": "slurm", "constraint": "n2", "poll_seconds": 1}
    slurm.put_target("second", settings)
    with cluster.rebooted("n2", str(slurm.folder) if hidden == "folder" else sys.base_prefix):
        with pytest.raises(UserErrorException) as error:
            slurm.put_target("second", settings)
        assert error.value.message.startswith(f"A node of the cluster of target 'second' {missing}")
        details = ended(slurm, slurm.submit("pass", target="second"), "Failed", "start_failed")
        assert f" {missing}" in details["error"]["message"]
        assert cluster.jobs() == []


def test_the_service_dies_while_runs_wait_and_run(slurm: Rig) -> None:
    running = slurm.submit(FOREVER)
    slurm.log_until(running, "up")
    slurm.put_target("later", {"kind": "slurm", "directives": {"begin": "now+1hour"}, "poll_seconds": 1})
    pending = slurm.submit("print('ran')", target="later")
    details_until(slurm, pending, "BeginTime")
    job = native_id(slurm, pending)
    slurm.kill_service()
    cluster_of(slurm).call("scontrol", "update", f"JobId={job}", "StartTime=now")
    assert slurm.wait(pending)["status"] == "Completed"
    assert (slurm.log(pending), native_id(slurm, pending)) == ("ran\n", job)
    slurm.service.call("POST", f"/runs/{running}/cancel")
    ended(slurm, running, "Canceled", "canceled_by_user")


def test_a_script_on_a_node_starts_no_service(slurm: Rig) -> None:
    script = WAITS + (
        "from trainshed import Run\nprint('up', flush=True)\nwait('killed')\ntry:\n"
        "    Run.get_context().child_run('other')\nexcept Exception as error:\n    print(error)\n"
        "open(os.path.join(sys.argv[1], 'tried'), 'w').close()\n"
    )
    run_id = slurm.submit(script, arguments=[slurm.there])
    slurm.log_until(run_id, "up")
    slurm.kill_service()
    slurm.go("killed")
    while not (slurm.shared / "tried").exists():
        pass
    assert running(str(slurm.root)) is None
    assert slurm.wait(run_id)["status"] == "Completed"
    assert "This run is on a node of a cluster" in slurm.log(run_id)


def test_a_target_with_runs_stays_where_it_is(slurm: Rig, tmp_path: Path) -> None:
    run_id = slurm.submit(FOREVER)
    slurm.log_until(run_id, "up")
    with pytest.raises(ComputeTargetException, match="has unfinished runs, so its folder cannot be changed"):
        slurm.put_target("cluster", {"folder": str(tmp_path)})
    slurm.service.call("POST", f"/runs/{run_id}/cancel")
    ended(slurm, run_id, "Canceled", "canceled_by_user")


def test_a_controller_that_is_away_loses_nothing(slurm: Rig) -> None:
    cluster = cluster_of(slurm)
    connect = ["env", f"SLURM_CONF={cluster.folder}/impatient.conf", "sh", "-c"]
    slurm.put_target("brief", {"kind": "slurm", "connect": connect, "poll_seconds": 1, "patience": 1})
    run_id = slurm.submit(FOREVER, target="brief")
    slurm.log_until(run_id, "up")
    cluster.stop_controller()
    try:
        while slurm.service.call("GET", f"/runs/{run_id}/wait", query={"timeout": 1})["status"] != "NotResponding":
            pass
        waiting = slurm.submit("print('ran')", target="brief")
    finally:
        cluster.start_controller()
    assert slurm.wait(waiting)["status"] == "Completed"
    slurm.service.call("POST", f"/runs/{run_id}/cancel")
    ended(slurm, run_id, "Canceled", "canceled_by_user")


def test_a_node_that_fails(slurm: Rig) -> None:
    cluster = cluster_of(slurm)
    run_id = slurm.submit("import platform\nprint(platform.node(), flush=True)\n" + FOREVER)
    slurm.log_until(run_id, "up")
    node = slurm.log(run_id).split()[0]
    with cluster.rebooted(node):
        details = ended(slurm, run_id, "Failed", "node_fail")
    message = f"A node of the run failed ({node}), so Slurm ended its job {native_id(slurm, run_id)}. Submit it again."
    assert (details["error"]["message"], details["error"]["code"]) == (message, "SystemError")


def test_a_supervisor_that_is_killed(slurm: Rig) -> None:
    run_id = slurm.submit(FOREVER)
    slurm.log_until(run_id, "up")
    marker = f"{slurm.run_there(run_id)}"
    pids = [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and f"node/batch.py\0{marker}\0".encode() in _cmdline(name)
    ]
    os.kill(max(pids), signal.SIGKILL)  # its parent cleans up after it
    details = ended(slurm, run_id, "Failed", "shim_lost")
    assert f"Slurm job {native_id(slurm, run_id)}" in details["error"]["message"]


def _cmdline(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
