"""How an estimator's processes find each other: the ways that v1 had of saying it, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed.api.configuration.runconfig import (
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from trainshed.errors import TrainingException


class Mpi(MpiConfiguration):
    """Former name of :class:`MpiConfiguration`.

    Args:
        process_count_per_node: how many on each node.
    """

    def __init__(self, process_count_per_node: int = 1) -> None:
        super().__init__(process_count_per_node)


class ParameterServer(TensorflowConfiguration):
    """Former name of :class:`TensorflowConfiguration`."""


class Gloo:
    """torch.distributed over gloo; the former way to say ``PyTorchConfiguration("Gloo")``."""


class Nccl:
    """torch.distributed over NCCL; the former way to say ``PyTorchConfiguration("Nccl")``."""


_BY_BACKEND = {"gloo": Gloo, "nccl": Nccl}


def distribute(config: RunConfiguration, params: Mapping[str, Any]) -> None:
    """Write down in a run configuration how several processes find each other.

    Args:
        config: changed in place; its ``node_count`` is set already.
        params: an estimator's parameters, checked.

    Raises:
        TrainingException: a distributed_training of another type.
    """
    each = config.mpi.process_count_per_node = params["process_count_per_node"]
    how = params["distributed_training"] or _from_backend(params)
    if how is None:
        return
    if isinstance(how, MpiConfiguration):
        config.mpi, config.communicator = how, "Mpi" if isinstance(how, Mpi) else "IntelMpi"
    elif isinstance(how, TensorflowConfiguration):
        config.framework, config.communicator, config.tensorflow = "TensorFlow", "ParameterServer", how
    elif isinstance(how, PyTorchConfiguration):
        config.framework, config.communicator, config.pytorch = "PyTorch", how.communication_backend, how
    elif isinstance(how, (Gloo, Nccl)):
        backend = type(how).__name__
        config.framework, config.communicator = "PyTorch", backend.lower()
        config.pytorch = PyTorchConfiguration(backend, config.node_count * each, config.node_count)
    else:
        raise TrainingException(
            "distributed_training must be MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration, "
            f"not {type(how).__name__}."
        )


def _from_backend(params: Mapping[str, Any]) -> Any:
    backend = (params["distributed_backend"] or "").lower()
    if backend == "mpi":
        return MpiConfiguration(params["process_count_per_node"])
    if backend == "ps":
        return TensorflowConfiguration(params["worker_count"], params["parameter_server_count"])
    return _BY_BACKEND[backend]() if backend else None
