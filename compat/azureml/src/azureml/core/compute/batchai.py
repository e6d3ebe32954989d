"""SDK v1's module ``azureml.core.compute.batchai``."""

from azureml import _made
from trainshed.api.compute.cluster import BatchAiCompute
from trainshed.api.compute.cluster_parts import BatchAiConfiguration as BatchAiProvisioningConfiguration
from trainshed.api.compute.cluster_parts import ClusterStatus as BatchAiStatus
from trainshed.api.compute.cluster_parts import NodeStateCounts as BatchAiNodeStateCounts
from trainshed.api.compute.cluster_parts import ScaleSettings

__all__ = [
    "BatchAiCompute",
    "BatchAiNodeStateCounts",
    "BatchAiProvisioningConfiguration",
    "BatchAiStatus",
    "ScaleSettings",
    *_made.names("core.compute.batchai"),
]

__getattr__ = _made.lookup("core.compute.batchai")
