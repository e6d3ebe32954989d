"""SDK v1's module ``azureml.core.runconfig``."""

from azureml import _made
from azureml.core._run_data import Data, OutputData
from azureml.core.environment import (
    CondaDependencies,
    DockerEnvironment,
    Environment,
    PythonEnvironment,
    PythonSection,
    SparkEnvironment,
)
from trainshed.api.configuration.runconfig import RunConfiguration
from trainshed.api.configuration.runconfig_sections import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    MPI_CPU_IMAGE,
    MPI_GPU_IMAGE,
    AmlComputeConfiguration,
    ContainerInstanceConfiguration,
    ContainerRegistry,
    DockerConfiguration,
    DockerSection,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    SparkConfiguration,
    SparkSection,
    TensorflowConfiguration,
)
from trainshed.api.data.data_reference import DataReferenceConfiguration

DEFAULT_MMLSPARK_CPU_IMAGE = "microsoft/mmlspark:0.12"
# The name in early SDK releases.
AzureContainerRegistry = ContainerRegistry


class EnvironmentDefinition(Environment):
    """Former name of :class:`Environment`, whose ``name`` was optional. Deprecated."""

    def __init__(self, name: str = "default-environment") -> None:
        super().__init__(name)


__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "DEFAULT_MMLSPARK_CPU_IMAGE",
    "MPI_CPU_IMAGE",
    "MPI_GPU_IMAGE",
    "AmlComputeConfiguration",
    "AzureContainerRegistry",
    "CondaDependencies",
    "ContainerInstanceConfiguration",
    "ContainerRegistry",
    "Data",
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
    "OutputData",
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

__getattr__ = _made.lookup("core.runconfig")
