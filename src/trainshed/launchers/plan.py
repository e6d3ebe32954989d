"""What a launcher gets and returns, and the table of launchers."""

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
"""Name → module with a pure function ``plan(job: Job) -> Plan``; adding a launcher is one file and one line."""


class Node(NamedTuple):
    """One node of a job.

    Attributes:
        name: ``"node-0"``, …
        address: where the other nodes reach it.
        folder: working folder of its processes.
        gpus: the GPUs that are its own, as ``CUDA_VISIBLE_DEVICES`` names them; None: nothing is said of GPUs.
    """

    name: str
    address: str
    folder: str
    gpus: Optional[Tuple[str, ...]] = None


class Job(NamedTuple):
    """One command that is to become many processes.

    Attributes:
        nodes: where they run.
        processes: how many on each node (≥ 1).
        agent: argv of the program that runs ranks; a launcher adds which ones.
        env_forwarder: argv of what forwards a rank's environment to the one agent; empty: each rank has an agent.
        ports: free ports of the first node, as many as there are processes.
        mpirun: path of Open MPI's ``mpirun``, or its name.
        scratch: folder in which a starter may keep files of its own until the run has ended.
        root: whether this is the superuser, whom Open MPI asks twice.
        backend: of torch.distributed.
        workers: of TensorFlow.
        servers: parameter servers of TensorFlow.
        environment: what the script will find besides; read, never copied.
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
        """(node, place on it) of each rank: a node is filled before the next one."""
        return tuple((node, local) for node in range(len(self.nodes)) for local in range(self.processes))


class Rank(NamedTuple):
    """One process of a job.

    Attributes:
        name: v1's name for it, such as ``"rank_0"`` or ``"worker_0"``.
        node: which of the job's nodes it runs on.
        variables: what it finds in its environment besides what every process of the run does.
        awaited: whether the job waits for its end; a parameter server waits for the others instead.
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
        variables: what the starter finds in its environment besides what the ranks do.
        agent: argv of the rank agent, where the starter starts none.
    """

    ranks: Tuple[Rank, ...]
    starter: Tuple[str, ...] = ()
    variables: Mapping[str, str] = {}
    agent: Tuple[str, ...] = ()


def plan(launcher: str, job: Job) -> Plan:
    """Return the processes that a launcher makes of a job.

    Args:
        launcher: a name in :data:`LAUNCHERS`.
        job: what is to be run where.

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
            f"There is no launcher {launcher!r}; there is {', '.join(sorted(LAUNCHERS))}."
            + did_you_mean(launcher, LAUNCHERS)
        )
