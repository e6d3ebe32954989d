"""SDK v1's module ``azureml.core.compute.amlcompute``."""

from trainshed.api.compute.cluster import AmlCompute
from trainshed.api.compute.cluster_parts import (
    ClusterConfiguration as AmlComputeProvisioningConfiguration,
)
from trainshed.api.compute.cluster_parts import (
    ClusterStatus as AmlComputeStatus,
)
from trainshed.api.compute.cluster_parts import (
    NodeStateCounts as AmlComputeNodeStateCounts,
)
from trainshed.api.compute.cluster_parts import (
    ScaleSettings,
)

__all__ = [
    "AmlCompute",
    "AmlComputeNodeStateCounts",
    "AmlComputeProvisioningConfiguration",
    "AmlComputeStatus",
    "ScaleSettings",
]
