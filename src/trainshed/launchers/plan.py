"""The input and output of launchers, and the table of launchers."""

from __future__ import annotations

import importlib
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from trainshed.errors import RunConfigurationException, did_you_mean

LAUNCHERS = {
    "single": "trainshed.launchers.single",
    "openmpi": "trainshed.launchers.openmpi",
    "torch": "trainshed.launchers.torch",
    "tensorflow": "trainshed.launchers.tensorflow",
}
"""Name → module with a pure function ``plan(job: Job) -> Plan``; adding a launcher takes one file and one line."""


class Node(NamedTuple):
    """One node of a job.

    Attributes:
        name: ``"node-0"``, …
        address: its address for the other nodes.
        folder: working folder of its processes.
        gpus: its own GPUs, as ``CUDA_VISIBLE_DEVICES`` names them; None leaves the variable unset.
    """

    name: str
    address: str
    folder: str
    gpus: Optional[Tuple[str, ...]] = None


class Job(NamedTuple):
    """One command that is to become many processes.

    Attributes:
        nodes: where they run.
        processes: number of processes on each node (≥ 1).
        agent: argv of the rank agent; a launcher adds which ranks.
        env_forwarder: argv of the forwarder of a rank's environment to a single agent; empty: each rank has an agent.
        ports: free ports of the first node, as many as there are processes.
        mpirun: path of Open MPI's ``mpirun``, or its name.
        scratch: folder in which a starter may keep files of its own until the run has ended.
        root: whether the user is root, which Open MPI requires to be confirmed twice.
        backend: backend of torch.distributed.
        workers: number of TensorFlow workers.
        servers: number of TensorFlow parameter servers.
        environment: the script's other variables; read, never copied.
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

    @property
    def places(self) -> Tuple[Tuple[int, int], ...]:
        """(node, position on it) of each rank: a node is filled before the next one."""
        return tuple((node, local) for node in range(len(self.nodes)) for local in range(self.processes))


class Rank(NamedTuple):
    """One process of a job.

    Attributes:
        name: v1's name for it, such as ``"rank_0"`` or ``"worker_0"``.
        node: index of its node.
        variables: its environment variables, in addition to those of every process of the run.
        awaited: whether the job waits for its end; parameter servers wait for the others instead.
    """

    name: str
    node: int
    variables: Dict[str, str]
    awaited: bool = True


class Plan(NamedTuple):
    """The processes that a launcher makes of one command.

    Attributes:
        ranks: all of them, in order.
        starter: argv of the one program that starts them; empty for a single process, which needs none.
        variables: environment variables of the starter, in addition to those of the ranks.
        agent: argv of the rank agent, if the starter does not start it.
    """

    ranks: Tuple[Rank, ...]
    starter: Tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    agent: Tuple[str, ...] = ()


def plan(launcher: str, job: Job) -> Plan:
    """Return the processes that a launcher makes of a job.

    Args:
        launcher: a name in :data:`LAUNCHERS`.
        job: what to run where.

    Raises:
        RunConfigurationException: no such launcher.

    Example:
        >>> job = Job((Node("node-0", "127.0.0.1", "/work"),), 2, ("agent",), (6105,))
        >>> [rank.name for rank in plan("torch", job).ranks]
        ['rank_0', 'rank_1']
    """
    check(launcher)
    made: Plan = importlib.import_module(LAUNCHERS[launcher]).plan(job)
    return made


def check(launcher: str) -> None:
    """Raise if there is no such launcher.

    Args:
        launcher: a name.

    Raises:
        RunConfigurationException: it is not in :data:`LAUNCHERS`.
    """
    if launcher not in LAUNCHERS:
        raise RunConfigurationException(
            f"There is no launcher {launcher!r}. Available: {', '.join(sorted(LAUNCHERS))}."
            + did_you_mean(launcher, LAUNCHERS)
        )
