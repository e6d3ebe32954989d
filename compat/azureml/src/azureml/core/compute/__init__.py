"""azureml.core.compute."""

from trainshed.api.compute.cluster import AmlCompute, BatchAiCompute
from trainshed.api.compute.compute import ComputeTarget
from trainshed.api.compute.other_compute import (
    AdlaCompute,
    AksCompute,
    BatchCompute,
    ComputeInstance,
    DatabricksCompute,
    DataFactoryCompute,
    DsvmCompute,
    HDInsightCompute,
    KubernetesCompute,
    RemoteCompute,
    SynapseCompute,
)
from trainshed.errors import ComputeTargetException

__all__ = [
    "AdlaCompute",
    "AksCompute",
    "AmlCompute",
    "BatchAiCompute",
    "BatchCompute",
    "ComputeInstance",
    "ComputeTarget",
    "ComputeTargetException",
    "DataFactoryCompute",
    "DatabricksCompute",
    "DsvmCompute",
    "HDInsightCompute",
    "KubernetesCompute",
    "RemoteCompute",
    "SynapseCompute",
]
