"""azureml.exceptions."""

from trainshed.errors import (
    ActivityFailedException,
    AuthenticationException,
    ComputeTargetException,
    ExperimentExecutionException,
    ModelNotFoundException,
    ModelPathNotFoundException,
    RunConfigurationException,
    RunEnvironmentException,
    ServiceException,
    SnapshotException,
    TrainingException,
    UserErrorException,
    WebserviceException,
    WorkspaceException,
)
from trainshed.errors import TrainshedError as AzureMLException


class AzureMLAggregatedException(AzureMLException):
    """Several failures at once."""


class DiscoveryUrlNotFoundException(AzureMLException):
    """v1's cloud only; never raised here."""


class ParallelRunException(AzureMLException):
    """v1's pipelines only; never raised here."""


class ProjectSystemException(AzureMLException):
    """v1's project folders only; never raised here."""


class WorkspacePrivateEndpointException(AzureMLException):
    """v1's cloud only; never raised here."""


__all__ = [
    "ActivityFailedException",
    "AuthenticationException",
    "AzureMLAggregatedException",
    "AzureMLException",
    "ComputeTargetException",
    "DiscoveryUrlNotFoundException",
    "ExperimentExecutionException",
    "ModelNotFoundException",
    "ModelPathNotFoundException",
    "ParallelRunException",
    "ProjectSystemException",
    "RunConfigurationException",
    "RunEnvironmentException",
    "ServiceException",
    "SnapshotException",
    "TrainingException",
    "UserErrorException",
    "WebserviceException",
    "WorkspaceException",
    "WorkspacePrivateEndpointException",
]
