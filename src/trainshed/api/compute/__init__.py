"""Compute targets: where runs run. Importing any of them makes all kinds known to :class:`ComputeTarget`."""

from trainshed.api.compute.cluster import AmlCompute, BatchAiCompute
from trainshed.api.compute.compute import ComputeTarget, LocalTarget

__all__ = ["AmlCompute", "BatchAiCompute", "ComputeTarget", "LocalTarget"]
