"""Deprecated names for the distributed training configurations."""

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
    """Former equivalent of ``PyTorchConfiguration("Gloo")``."""


class Nccl:
    """Former equivalent of ``PyTorchConfiguration("Nccl")``."""


_BY_BACKEND = {"gloo": Gloo, "nccl": Nccl}


def from_backend(backend: str | None, process_count_per_node: int, worker_count: int, server_count: int) -> Any:
    """Return the configuration equivalent to the deprecated ``distributed_backend`` parameter, or None.

    Args:
        backend: ``"mpi"``, ``"ps"``, ``"gloo"``, ``"nccl"`` or None.
        process_count_per_node: number of MPI processes per node.
        worker_count: number of TensorFlow workers.
        server_count: number of TensorFlow parameter servers.

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
