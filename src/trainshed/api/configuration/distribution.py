"""How an estimator's processes find each other: the ways that v1 had of saying it, and what they come to."""

from __future__ import annotations

from trainshed.api.configuration.runconfig_sections import (
    MpiConfiguration,
    TensorflowConfiguration,
)
from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any


class Mpi(MpiConfiguration):
    """Former name of :class:`MpiConfiguration`.

    Example:
        >>> Mpi(2).process_count_per_node
        2
    """

    def __init__(self, process_count_per_node: int = 1) -> None:
        super().__init__(process_count_per_node)


class ParameterServer(TensorflowConfiguration):
    """Former name of :class:`TensorflowConfiguration`.

    Example:
        >>> ParameterServer(worker_count=2).worker_count
        2
    """


class Gloo:
    """torch.distributed over gloo; the former way to say ``PyTorchConfiguration("Gloo")``."""


class Nccl:
    """torch.distributed over NCCL; the former way to say ``PyTorchConfiguration("Nccl")``."""


_BY_BACKEND = {"gloo": Gloo, "nccl": Nccl}


def from_backend(backend: str | None, process_count_per_node: int, worker_count: int, server_count: int) -> Any:
    """Return what ``distributed_backend``, the former way, stands for; None where it was not given.

    Example:
        >>> from_backend("mpi", 4, 1, 1).process_count_per_node
        4
    """
    backend = (backend or "").lower()
    if backend == "mpi":
        return MpiConfiguration(process_count_per_node)
    if backend == "ps":
        return TensorflowConfiguration(worker_count, server_count)
    return _BY_BACKEND[backend]() if backend else None
