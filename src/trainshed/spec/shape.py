"""Validation of a run's distribution: number of nodes and processes, launcher, and compute target.

All functions are pure. The API calls them before submission, with the name of the user's parameter and the exception
class that SDK v1 raises; the service calls them again on submitted runs.
"""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, TrainshedError, UserErrorException
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from typing import Any, Optional, Type

SINGLE, OPENMPI, TORCH, TENSORFLOW = "single", "openmpi", "torch", "tensorflow"
BACKENDS = ("nccl", "gloo")
"""Backends of ``torch.distributed``."""
_LONGEST_GRACE = 3600
_ADVICE = "pass distributed_training, e.g. MpiConfiguration()"


class Distribution(Record):
    """Launcher of a run, and the number of its nodes and processes.

    Attributes:
        launcher: ``"single"``, ``"openmpi"``, ``"torch"`` or ``"tensorflow"``.
        node_count: number of nodes (≥ 1).
        process_count_per_node: number of processes per node (≥ 1). With TensorFlow, the last node may have fewer.
        backend: backend of ``torch.distributed``, one of :data:`BACKENDS`.
        worker_count: number of TensorFlow workers.
        parameter_server_count: number of TensorFlow parameter servers.
    """

    launcher: str = SINGLE
    node_count: int = 1
    process_count_per_node: int = 1
    backend: str = ""
    worker_count: int = 0
    parameter_server_count: int = 0


def check_distribution(shape: Distribution) -> None:
    """Check that a distribution is valid.

    Raises:
        UserErrorException: a count is out of range, several processes have no launcher, or the backend is unknown.

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
    """Check that a value is an integer of at least ``least``, and return it.

    Args:
        name: name of the user's parameter.
        value: the value.
        least: minimum value; None for no minimum.
        error: exception class to raise.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise error(f"{name} must be a whole number, not {type(value).__name__} ({value!r}).")
    if least is not None and value < least:
        raise error(f"{name} is {value}; it must be at least {least}.")
    return value


def check_launched(
    name: str, count: int, launched: bool, advice: str = _ADVICE, error: Type[TrainshedError] = UserErrorException
) -> None:
    """Check that a launcher is requested if there are several nodes or processes.

    Args:
        name: name of the user's parameter.
        count: number of nodes or processes.
        launched: whether a launcher is requested.
        advice: how to request one, for the error message.
        error: exception class to raise.
    """
    if count > 1 and not launched:
        raise error(f"{name} is {count}, and {count} processes need a distributed backend: {advice}.")


def check_backend(name: str, backend: str, error: Type[TrainshedError] = UserErrorException) -> None:
    """Check the name of a ``torch.distributed`` backend, ignoring case."""
    if str(backend).lower() not in BACKENDS:
        raise error(f"Unknown {name} {backend!r}. Available: 'Nccl', 'Gloo'.")


def check_time_limit(seconds: Optional[int], error: Type[TrainshedError] = UserErrorException) -> None:
    """Check that a time limit is positive or None."""
    if seconds is not None and seconds <= 0:
        raise error("max_run_duration_seconds must be positive, or None for no limit.")


def check_one_node(node_count: int, target: str, error: Type[TrainshedError] = UserErrorException) -> None:
    """Check that a run on a target with a single node requests only one node."""
    if node_count > 1:
        raise error(
            f"The run requests {node_count} nodes, but '{target}' is one node. Use one node with several processes "
            "(process_count_per_node), or use a cluster: ComputeTarget.create(ws, 'nodes', "
            f"AmlCompute.provisioning_configuration(max_nodes={node_count}))."
        )


def check_scale(least: Any, most: Any, error: Type[TrainshedError] = UserErrorException) -> None:
    """Check the minimum and maximum number of nodes of a cluster."""
    check_count("min_nodes", least, 0, error)
    check_count("max_nodes", most, 1, error)
    if least > most:
        raise error(f"min_nodes is {least} and max_nodes is {most}; max_nodes must not be smaller.")


def check_grace(name: str, seconds: Any) -> None:
    """Raise if this cannot be the time between SIGTERM and SIGKILL; None is that of the target, or the service.

    Args:
        name: the user's name for it.
        seconds: the value.
    """
    number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if seconds is not None and not (number and 0 <= seconds <= _LONGEST_GRACE):
        raise UserErrorException(f"{name} is {seconds!r}; it must be a number of seconds from 0 to {_LONGEST_GRACE}.")


def of_torch(process_count: int, node_count: int, backend: str, error: Type[TrainshedError]) -> Distribution:
    """Return the distribution of a ``torch.distributed`` job.

    Args:
        process_count: total number of processes on all nodes.
        node_count: number of nodes.
        backend: ``"nccl"`` or ``"gloo"``.
        error: exception class to raise if the processes cannot be distributed evenly.

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
    """Return the distribution of a TensorFlow job."""
    tasks_per_node = -(-(worker_count + parameter_server_count) // node_count)
    return Distribution(TENSORFLOW, node_count, tasks_per_node, "", worker_count, parameter_server_count)
