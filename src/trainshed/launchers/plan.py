"""Input and output of launchers, and the table of launchers."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, RunConfigurationException, did_you_mean
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Dict, Mapping, Optional, Tuple

LAUNCHERS = {
    "single": "trainshed.launchers.single",
    "openmpi": "trainshed.launchers.openmpi",
    "torch": "trainshed.launchers.torch",
    "tensorflow": "trainshed.launchers.tensorflow",
}
"""Launcher name → module with a pure function ``plan(job: Job) -> Plan``."""


class Node(Record):
    """One node of a job.

    Attributes:
        name: ``"node-0"``, …
        address: address by which other nodes reach it.
        folder: working folder of its processes.
        gpus: GPUs of the node, in the format of ``CUDA_VISIBLE_DEVICES``; None leaves the variable unset.
    """

    name: str
    address: str
    folder: str
    gpus: Optional[Tuple[str, ...]] = None


class Job(Record):
    """A command to run in several processes.

    Attributes:
        nodes: nodes of the job.
        processes: number of processes per node (≥ 1).
        agent: argv of the rank agent, to which the launcher appends the ranks to start.
        ports: free ports of the first node, one per process.
        mpirun: path or name of Open MPI's ``mpirun``.
        scratch: folder for temporary files of the starter.
        env_forwarder: argv of the program that forwards a rank's environment to a single rank agent. If empty, each
            rank has its own agent.
        root: whether the user is root, in which case Open MPI requires an extra option.
        backend: backend of ``torch.distributed``.
        workers: number of TensorFlow workers.
        servers: number of TensorFlow parameter servers.
        environment: the script's other environment variables; only read, not passed on.
        waiting: whether the nodes are several machines, on each of which a rank agent waits for its orders.
        srun: argv of Slurm's starter of MPI's ranks, if it is to start them in place of ``mpirun``.
        launch_agent: name of the program that ``mpirun`` calls in place of ssh, if the nodes are several hosts.
    """

    nodes: Tuple[Node, ...]
    processes: int
    agent: Tuple[str, ...]
    ports: Tuple[int, ...]
    mpirun: str = "mpirun"
    scratch: str = ""
    env_forwarder: Tuple[str, ...] = ()
    root: bool = False
    backend: str = ""
    workers: int = 0
    servers: int = 0
    environment: Mapping[str, str] = {}
    waiting: bool = False
    srun: Tuple[str, ...] = ()
    launch_agent: str = ""

    @property
    def agents(self) -> Tuple[str, ...]:
        """Argv of what starts all ranks without the help of Open MPI; none if agents wait."""
        return () if self.waiting else (*self.agent, "all")

    @property
    def places(self) -> Tuple[Tuple[int, int], ...]:
        """(node index, local rank) of each rank. Ranks on the same node are consecutive."""
        return tuple((node, local) for node in range(len(self.nodes)) for local in range(self.processes))


class Rank(Record):
    """One process of a job.

    Attributes:
        name: name of the process in SDK v1, e.g. ``"rank_0"`` or ``"worker_0"``.
        node: index of its node.
        variables: environment variables, in addition to those common to all processes of the run.
        awaited: whether the job waits for the process to exit. Parameter servers are stopped when the others have
            exited.
    """

    name: str
    node: int
    variables: Dict[str, str]
    awaited: bool = True


class Plan(Record):
    """Processes of a job, and how to start them.

    Attributes:
        ranks: all processes, in order.
        starter: argv of the program that starts them; empty for a single process.
        variables: environment variables of the starter, in addition to those of the ranks.
        agent: argv of the rank agent, if the starter does not start it.
    """

    ranks: Tuple[Rank, ...]
    starter: Tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    agent: Tuple[str, ...] = ()


def plan(launcher: str, job: Job) -> Plan:
    """Return the processes of a job.

    Args:
        launcher: key in :data:`LAUNCHERS`.
        job: the job.

    Raises:
        RunConfigurationException: the launcher does not exist.

    Example:
        >>> job = Job((Node("node-0", "127.0.0.1", "/work"),), 2, ("agent",), (6105,))
        >>> [rank.name for rank in plan("torch", job).ranks]
        ['rank_0', 'rank_1']
    """
    check(launcher)
    result: Plan = __import__(LAUNCHERS[launcher], fromlist=["plan"]).plan(job)  # importlib takes half a ms more
    return result


def check(launcher: str) -> None:
    """Check that a launcher exists.

    Raises:
        RunConfigurationException: the launcher does not exist.
    """
    if launcher not in LAUNCHERS:
        raise RunConfigurationException(
            f"There is no launcher {launcher!r}. Available: {', '.join(sorted(LAUNCHERS))}."
            + did_you_mean(launcher, LAUNCHERS)
        )
