"""SDK v1's module ``azureml.core.compute.batchai``."""

from trainshed.api.compute.cluster import BatchAiCompute
from trainshed.api.compute.cluster_parts import ClusterStatus as BatchAiStatus

__all__ = ["BatchAiCompute", "BatchAiStatus"]
