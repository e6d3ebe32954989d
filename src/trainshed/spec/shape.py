"""The rules for a run's shape: its numbers of nodes and processes, what starts them, and which targets fit.

Each is a pure function. The API calls it before anything is sent, with the user's own name of a value and the class of
error that v1 raised there; the service calls it again on what arrives.
"""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, TrainshedError, UserErrorException
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Any, Optional, Type

SINGLE, OPENMPI, TORCH, TENSORFLOW = "single", "openmpi", "torch", "tensorflow"
BACKENDS = ("nccl", "gloo")
"""The backends of torch.distributed."""
_ADVICE = "pass distributed_training, e.g. MpiConfiguration()"


class Distribution(Record):
    """How one script becomes many processes.

    Attributes:
        launcher: ``"single"``, ``"openmpi"``, ``"torch"`` or ``"tensorflow"``.
        node_count: how many nodes (≥ 1).
        process_count_per_node: how many processes on each (≥ 1); TensorFlow's last node may have fewer.
        backend: of torch.distributed: one of :data:`BACKENDS`.
        worker_count: of TensorFlow.
        parameter_server_count: of TensorFlow.
    """

    launcher: str = SINGLE
    node_count: int = 1
    process_count_per_node: int = 1
    backend: str = ""
    worker_count: int = 0
    parameter_server_count: int = 0


def check_distribution(shape: Distribution) -> None:
    """Raise if a run cannot have this shape.

    Raises:
        UserErrorException: a count out of range, several processes without a launcher, or an unknown backend.

    Example:
        >>> check_distribution(Distribution("torch", 2, 4, "nccl"))
    """
    for name in ("node_count", "process_count_per_node"):
        count = check_count(name, getattr(shape, name))
        check_launched(name, count, shape.launcher != SINGLE)
    if shape.launcher == TORCH:
        check_backend("backend", shape.backend)
    tasks = shape.worker_count + shape.parameter_server_count
    if shape.launcher == TENSORFLOW and not 1 <= tasks <= shape.node_count * shape.process_count_per_node:
        raise UserErrorException(f"{tasks} TensorFlow tasks do not fit on {shape.node_count} nodes.")


def check_count(
    name: str, value: Any, least: Optional[int] = 1, error: Type[TrainshedError] = UserErrorException
) -> int:
    """Return a value that is a whole number of at least ``least``.

    Args:
        name: the user's name for it.
        value: the value.
        least: the minimum; None for any whole number.
        error: the exception class to raise otherwise.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise error(f"{name} must be a whole number, not {type(value).__name__} ({value!r}).")
    if least is not None and value < least:
        raise error(f"{name} is {value}; it must be at least {least}.")
    return value


def check_launched(
    name: str, count: int, launched: bool, advice: str = _ADVICE, error: Type[TrainshedError] = UserErrorException
) -> None:
    """Raise if a count needs several processes but no launcher was requested.

    Args:
        name: the user's name for the count.
        count: the number of nodes or processes.
        launched: whether a launcher was requested.
        advice: how to request one.
        error: the exception class to raise.
    """
    if count > 1 and not launched:
        raise error(f"{name} is {count}, and {count} processes need a distributed backend: {advice}.")


def check_backend(name: str, backend: str, error: Type[TrainshedError] = UserErrorException) -> None:
    """Raise if torch.distributed has no such backend; upper and lower case are equivalent."""
    if str(backend).lower() not in BACKENDS:
        raise error(f"{name} is {backend!r}. Available: 'Nccl', 'Gloo'.")


def check_time_limit(seconds: Optional[int], error: Type[TrainshedError] = UserErrorException) -> None:
    """Raise if a time limit is not positive."""
    if seconds is not None and seconds <= 0:
        raise error("max_run_duration_seconds must be positive, or None for no limit.")


def check_one_node(node_count: int, target: str, error: Type[TrainshedError] = UserErrorException) -> None:
    """Raise if a run requests several nodes on a target that has only one."""
    if node_count > 1:
        raise error(
            f"The run requests {node_count} nodes, but '{target}' is one node. Use one node with several processes "
            "(process_count_per_node), or use a cluster: ComputeTarget.create(ws, 'nodes', "
            f"AmlCompute.provisioning_configuration(max_nodes={node_count}))."
        )


def check_scale(least: Any, most: Any, error: Type[TrainshedError] = UserErrorException) -> None:
    """Raise if a cluster cannot have between ``least`` and ``most`` nodes."""
    check_count("min_nodes", least, 0, error)
    check_count("max_nodes", most, 1, error)
    if least > most:
        raise error(f"min_nodes is {least} and max_nodes is {most}; max_nodes must not be smaller.")


def of_torch(process_count: int, node_count: int, backend: str, error: Type[TrainshedError]) -> Distribution:
    """Return the shape of a job of torch.distributed with ``process_count`` processes on all nodes together.

    Example:
        >>> of_torch(6, 3, "gloo", UserErrorException).process_count_per_node
        2
    """
    if process_count % node_count:
        raise error(
            f"process_count is {process_count} and node_count {node_count}: every node must run the same "
            f"number of processes, so process_count must be a multiple of {node_count}."
        )
    return Distribution(TORCH, node_count, process_count // node_count, backend)


def of_tensorflow(worker_count: int, parameter_server_count: int, node_count: int) -> Distribution:
    """Return the shape of a TensorFlow job, with its tasks distributed over the nodes."""
    each = -(-(worker_count + parameter_server_count) // node_count)
    return Distribution(TENSORFLOW, node_count, each, "", worker_count, parameter_server_count)
