"""How an estimator's processes find each other: the ways that v1 had of saying it, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainshed.api.configuration.runconfig_sections import (
    MpiConfiguration,
    TensorflowConfiguration,
)


class Mpi(MpiConfiguration):
    """Former name of :class:`MpiConfiguration`."""

    def __init__(self, process_count_per_node: int = 1) -> None:
        super().__init__(process_count_per_node)


class ParameterServer(TensorflowConfiguration):
    """Former name of :class:`TensorflowConfiguration`."""


class Gloo:
    """torch.distributed over gloo; the former way to say ``PyTorchConfiguration("Gloo")``."""


class Nccl:
    """torch.distributed over NCCL; the former way to say ``PyTorchConfiguration("Nccl")``."""


_BY_BACKEND = {"gloo": Gloo, "nccl": Nccl}


def from_backend(params: Mapping[str, Any]) -> Any:
    """Return what ``distributed_backend``, the former way, stands for; None where it was not given."""
    backend = (params["distributed_backend"] or "").lower()
    if backend == "mpi":
        return MpiConfiguration(params["process_count_per_node"])
    if backend == "ps":
        return TensorflowConfiguration(params["worker_count"], params["parameter_server_count"])
    return _BY_BACKEND[backend]() if backend else None
