"""azureml.core.compute.batchai."""

from trainshed.api.cluster import BatchAiCompute
from trainshed.api.cluster_parts import ClusterStatus as BatchAiStatus

__all__ = ["BatchAiCompute", "BatchAiStatus"]
