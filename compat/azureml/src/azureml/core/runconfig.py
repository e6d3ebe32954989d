"""azureml.core.runconfig."""

from typing import Any

from azureml import _made
from trainshed.api.configuration.runconfig import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    DEFAULT_MMLSPARK_CPU_IMAGE,
    MPI_CPU_IMAGE,
    MPI_GPU_IMAGE,
    AmlComputeConfiguration,
    AzureContainerRegistry,
    ContainerInstanceConfiguration,
    ContainerRegistry,
    DataReferenceConfiguration,
    DockerConfiguration,
    DockerEnvironment,
    DockerSection,
    Environment,
    EnvironmentDefinition,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PythonEnvironment,
    PythonSection,
    PyTorchConfiguration,
    RunConfiguration,
    SparkConfiguration,
    SparkEnvironment,
    SparkSection,
    TensorflowConfiguration,
)

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "DEFAULT_MMLSPARK_CPU_IMAGE",
    "MPI_CPU_IMAGE",
    "MPI_GPU_IMAGE",
    "AmlComputeConfiguration",
    "AzureContainerRegistry",
    "ContainerInstanceConfiguration",
    "ContainerRegistry",
    "DataReferenceConfiguration",
    "DockerConfiguration",
    "DockerEnvironment",
    "DockerSection",
    "Environment",
    "EnvironmentDefinition",
    "HdiConfiguration",
    "HistoryConfiguration",
    "KubernetesComputeConfiguration",
    "MpiConfiguration",
    "ParallelTaskConfiguration",
    "PyTorchConfiguration",
    "PythonEnvironment",
    "PythonSection",
    "RunConfiguration",
    "SparkConfiguration",
    "SparkEnvironment",
    "SparkSection",
    "TensorflowConfiguration",
    *_made.names("core.runconfig"),
]


def __getattr__(name: str) -> Any:
    return _made.find("core.runconfig", name)
