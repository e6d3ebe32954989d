"""Runs on several nodes of a Slurm cluster: one job, whose ranks find each other, and end together."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from mlflow_rest import REST
from rigs import Rig

from trainshed.errors import UserErrorException

NODES: dict[str, Any] = {"node_count": 2, "process_count_per_node": 2}
TORCH: dict[str, Any] = {"launcher": "torch", "backend": "gloo", **NODES}
TALK = (
    REST
    + """
import os, platform, socket
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
print("place", *place, platform.node(), os.environ["NODE_RANK"], os.environ["LOCAL_RANK"], flush=True)
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
            pass
with open(f"outputs/{rank}.txt", "w") as file:
    file.write(platform.node())
mlflow("runs/log-metric", key="rank", value=rank)
mlflow("runs/set-tag", key=f"rank-{rank}", value=os.environ["MLFLOW_TRACKING_URI"])
"""
)
SAYS = re.compile(r"seen (\{.*\})\n")
LASTS = """
import os, signal, sys, time
def told(*_):
    print("told", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ["RANK"] == "3" else told)
held = b"x" * (30 << 20)
print("up", flush=True)
"""
SEEN = """
import json
journal = os.path.join(os.environ["TRAINSHED_RUN_DIR"], "journal.jsonl")
while os.environ["RANK"] == "0":
    lines = open(journal).read().split("\\n")[:-1] if os.path.exists(journal) else []
    found = {each["n"]: each["v"] for each in map(json.loads, lines) if each["k"] == "resource"}
    if {f"system: {name}" for name in NAMES} <= set(found):
        print("seen", json.dumps(found), flush=True)
        break
    time.sleep(0.05)
"""


def left(rig: Rig, run_id: str) -> list[str]:
    """Return what a run has left, in Slurm's queue and in processes."""
    assert rig.cluster is not None
    rig.cluster.until(lambda: rig.cluster is None or not rig.cluster.jobs())
    return [str(pid) for pid in rig.alive(run_id)]


def test_the_ranks_of_two_nodes_find_each_other(slurm: Rig) -> None:
    run_id = slurm.completed(TALK, **TORCH)
    lines = slurm.log(run_id).splitlines()
    places = sorted(line.partition("place ")[::2] for line in lines if "place " in line)
    master = places[0][1].split()[:2]
    assert master[0] == "n1"
    assert places == [
        (f"[rank {rank}] ", f"n1 {master[1]} n{rank // 2 + 1} {rank // 2} {rank % 2}") for rank in range(4)
    ]
    assert "[rank 0] sum 6" in lines
    assert [slurm.read(run_id, f"outputs/{rank}.txt") for rank in range(4)] == [b"n1", b"n1", b"n2", b"n2"]
    assert "place n1" in slurm.read(run_id, "azureml-logs/70_driver_log_3.txt").decode()
    assert sorted(slurm.metrics(run_id)["rank"]) == [0, 1, 2, 3]
    tags = slurm.service.call("GET", f"/runs/{run_id}")["tags"]
    assert tags["rank-0"] == tags["rank-1"] != tags["rank-2"] == tags["rank-3"]  # each node has an address of its own
    assert left(slurm, run_id) == []


def test_tensorflow_gets_its_cluster_from_the_nodes(slurm: Rig) -> None:
    script = "import os, platform\nprint(platform.node(), os.environ['TF_CONFIG'])"
    more = {"launcher": "tensorflow", "node_count": 2, "worker_count": 2, "parameter_server_count": 0}
    run_id = slurm.completed(script, **more)
    told = dict(line.partition("] ")[2].split(" ", 1) for line in slurm.log(run_id).splitlines())
    for index, node in enumerate(("n1", "n2")):
        config = json.loads(told[node])
        assert [place.partition(":")[0] for place in config["cluster"]["worker"]] == ["n1", "n2"]
        assert config["task"] == {"type": "worker", "index": index}


def test_the_first_rank_that_fails_ends_the_others(slurm: Rig) -> None:
    script = LASTS + "if os.environ['RANK'] == '2': sys.exit(9)\ntime.sleep(600)"
    run_id = slurm.submit(script, **TORCH, grace_seconds=0.5)
    record = slurm.wait(run_id)
    error = record["details"]["error"]
    assert (record["status"], record["reason"], error["exit_code"]) == ("Failed", "rank_failed", 9)
    assert error["message"] == "Rank 2 on node-1 (n2) exited with exit code 9. The others were ended."
    assert left(slurm, run_id) == []


def test_cancel_leaves_nothing_on_any_node(slurm: Rig) -> None:
    seen_on_both = SEEN.replace("NAMES", repr(["cpu", "cpu (node-1)", "memory", "memory (node-1)"]))
    run_id = slurm.submit(LASTS + seen_on_both + "time.sleep(600)", **TORCH, grace_seconds=0.5)
    seen = ""
    pieces = slurm.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
    while seen.count("up") < 4 or not (told := SAYS.search(seen)):
        seen += next(pieces).decode()
    assert all(60e6 < json.loads(told[1])[f"system: {name}"] < 600e6 for name in ("memory", "memory (node-1)"))
    slurm.service.call("POST", f"/runs/{run_id}/cancel")
    record = slurm.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user"), record["details"]
    assert slurm.log(run_id).count("told") == 3  # each has had its grace period but the one that ignores SIGTERM
    assert left(slurm, run_id) == []


def test_open_mpi_across_two_nodes(slurm: Rig) -> None:
    script = (
        "import os, platform\nfrom mpi4py import MPI\nworld = MPI.COMM_WORLD\n"
        "total = world.allreduce(world.rank)\nmlflow('runs/log-metric', key='rank', value=world.rank)\n"
        "print(world.rank, world.size, total, platform.node(), os.environ['OMPI_COMM_WORLD_LOCAL_RANK'])"
    )
    environment = {"pip": ["mpi4py"]}
    run_id = slurm.completed(REST + script, launcher="openmpi", environment=environment, **NODES)
    assert sorted(slurm.metrics(run_id)["rank"]) == [0, 1, 2, 3]
    lines = sorted(line for line in slurm.log(run_id).splitlines() if line.startswith("[rank"))
    assert lines == [f"[rank {rank}] {rank} 4 6 n{rank // 2 + 1} {rank % 2}" for rank in range(4)]
    assert left(slurm, run_id) == []


def test_open_mpi_starts_its_daemons_itself_if_told_to(slurm: Rig) -> None:
    script = "import os, platform\nprint(os.environ['OMPI_COMM_WORLD_RANK'], platform.node(), os.environ['MINE'])"
    mine = {"OMPI_MCA_plm": "slurm", "PRTE_MCA_plm": "slurm", "MINE": "two\nlines"}
    run_id = slurm.completed(script, launcher="openmpi", environment_variables=mine, **NODES)
    lines = sorted(line for line in slurm.log(run_id).splitlines() if not line.endswith("] lines"))
    assert lines == [f"[rank {rank}] {rank} n{rank // 2 + 1} two" for rank in range(4)]


def test_a_run_whose_preparation_fails_on_two_nodes(slurm: Rig) -> None:
    for launcher, more in (("openmpi", NODES), ("torch", TORCH)):
        run_id = slurm.submit("pass", **{"launcher": launcher, **more}, environment={"pip": ["no-such-thing==0.0.0"]})
        record = slurm.wait(run_id)
        assert (record["status"], record["reason"]) == ("Failed", "env_build_failed"), record
        assert slurm.log(run_id) == ""  # nothing of srun's
        assert left(slurm, run_id) == []


def test_srun_starts_the_ranks_of_mpi(slurm: Rig) -> None:
    """MPICH speaks PMI-2, for which this Slurm has what it needs; it lists PMIx, and cannot load its library."""
    with pytest.raises(UserErrorException, match=r"cannot start MPI by mpi='pmix'. Listed besides: .*pmi2"):
        slurm.put_target("wrong", {"kind": "slurm", "mpi": "pmix"})
    slurm.put_target("pmi", {"kind": "slurm", "mpi": "pmi2", "poll_seconds": 1})
    script = (
        "import os, platform\nfrom mpi4py import MPI\nworld = MPI.COMM_WORLD\n"
        "print(world.rank, world.size, platform.node(), os.environ['SLURM_PROCID'])\nworld.Barrier()"
    )
    environment = {"pip": ["mpi4py", "mpich"]}
    run_id = slurm.completed(script, launcher="openmpi", target="pmi", environment=environment, **NODES)
    lines = sorted(line for line in slurm.log(run_id).splitlines() if line.startswith("[rank"))
    assert lines == [f"[rank {rank}] {rank} 4 n{rank // 2 + 1} {rank}" for rank in range(4)]
    mpich: dict[str, Any] = {"launcher": "openmpi", "target": "pmi", "environment": environment}
    slurm.completed(f"{script}\nassert world.size == 2", process_count_per_node=2, **mpich)
    wrong = f"{script}\nimport sys, time\nif world.rank == 2: os._exit(9)\ntime.sleep(600)"
    error = slurm.wait(slurm.submit(wrong, grace_seconds=0.5, **mpich, **NODES))["details"]["error"]
    assert error["message"].startswith("Rank 2 on node-1 (n2) exited with exit code 9."), error
    assert left(slurm, run_id) == []


def test_cancel_of_open_mpi_leaves_nothing(slurm: Rig) -> None:
    script = LASTS + SEEN.replace("NAMES", repr(["memory", "memory (node-1)"])) + "time.sleep(600)"
    script = script.replace("RANK", "OMPI_COMM_WORLD_RANK")
    run_id = slurm.submit(script, launcher="openmpi", grace_seconds=0.5, **NODES)
    seen = ""
    pieces = slurm.service.stream("GET", f"/runs/{run_id}/files/azureml-logs/70_driver_log.txt", {"follow": 1})
    while seen.count("up") < 4 or not (told := SAYS.search(seen)):
        seen += next(pieces).decode()
    assert all(60e6 < json.loads(told[1])[f"system: {name}"] < 600e6 for name in ("memory", "memory (node-1)"))
    slurm.service.call("POST", f"/runs/{run_id}/cancel")
    record = slurm.wait(run_id)
    assert (record["status"], record["reason"]) == ("Canceled", "canceled_by_user"), record["details"]
    logs = [slurm.read(run_id, f"azureml-logs/70_driver_log_{rank}.txt").decode() for rank in range(4)]
    assert ["told" in log for log in logs] == [True, True, True, False]
    assert left(slurm, run_id) == []


def test_a_rank_of_open_mpi_that_fails(slurm: Rig) -> None:
    script = "import os, sys, time\nif os.environ['OMPI_COMM_WORLD_RANK'] == '2': sys.exit(9)\ntime.sleep(600)"
    record = slurm.wait(slurm.submit(script, launcher="openmpi", grace_seconds=0.5, **NODES))
    error = record["details"]["error"]
    assert error["message"] == "Rank 2 on node-1 (n2) exited with exit code 9. The others were ended."


def test_more_nodes_than_there_are(slurm: Rig) -> None:
    record = slurm.wait(slurm.submit("pass", launcher="torch", backend="gloo", node_count=3))
    assert record["reason"] == "start_failed"
    assert "The run requests more nodes than the partition has" in record["details"]["error"]["message"]
