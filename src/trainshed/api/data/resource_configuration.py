"""What a model is registered to need."""

from __future__ import annotations

from typing import Any


class ResourceConfiguration:
    """Resources that a service of a model should have. Stored with the model; it limits nothing here.

    Args:
        cpu: number of cores.
        memory_in_gb: memory in GB.
        gpu: number of GPUs.

    Example:
        >>> ResourceConfiguration(cpu=1, memory_in_gb=0.5).serialize()
        {'cpu': 1, 'memoryInGB': 0.5, 'gpu': None}
    """

    def __init__(self, cpu: float | None = None, memory_in_gb: float | None = None, gpu: int | None = None) -> None:
        self.cpu = cpu
        self.memory_in_gb = memory_in_gb
        self.gpu = gpu

    def serialize(self) -> dict[str, Any]:
        """Return the resources as a JSON-serializable dict."""
        return {"cpu": self.cpu, "memoryInGB": self.memory_in_gb, "gpu": self.gpu}

    @staticmethod
    def deserialize(payload_obj: dict[str, Any] | None) -> ResourceConfiguration | None:
        """Return the resources described by a result of :meth:`serialize`.

        Args:
            payload_obj: result of :meth:`serialize`.
        """
        if payload_obj is None:
            return None
        return ResourceConfiguration(payload_obj.get("cpu"), payload_obj.get("memoryInGB"), payload_obj.get("gpu"))

    def __repr__(self) -> str:
        return f"ResourceConfiguration(cpu={self.cpu}, memory_in_gb={self.memory_in_gb}, gpu={self.gpu})"
