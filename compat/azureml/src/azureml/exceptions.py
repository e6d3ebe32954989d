"""azureml.exceptions."""

from trainshed.errors import (
    ActivityFailedException,
    AuthenticationException,
    ComputeTargetException,
    ExperimentExecutionException,
    RunConfigurationException,
    RunEnvironmentException,
    ServiceException,
    SnapshotException,
    TrainingException,
    UserErrorException,
    WorkspaceException,
)
from trainshed.errors import TrainshedError as AzureMLException

__all__ = [
    "ActivityFailedException",
    "AuthenticationException",
    "AzureMLException",
    "ComputeTargetException",
    "ExperimentExecutionException",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ServiceException",
    "SnapshotException",
    "TrainingException",
    "UserErrorException",
    "WorkspaceException",
]
