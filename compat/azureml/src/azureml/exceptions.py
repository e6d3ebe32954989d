"""SDK v1's module ``azureml.exceptions``."""

import sys

from trainshed.errors import (
    ActivityFailedException,
    AuthenticationException,
    ComputeTargetException,
    DatasetTimestampMissingError,  # noqa: F401 - not in v1's __all__ either
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
    """Several errors at once. Never raised; exists for compatibility with SDK v1."""


class DiscoveryUrlNotFoundException(AzureMLException):
    """Never raised; exists for compatibility with SDK v1."""


class ParallelRunException(AzureMLException):
    """Never raised; exists for compatibility with SDK v1."""


class ProjectSystemException(AzureMLException):
    """Never raised; exists for compatibility with SDK v1."""


class WorkspacePrivateEndpointException(AzureMLException):
    """Never raised; exists for compatibility with SDK v1."""


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

# Programs also import the exceptions from the private module that defined them in v1.
_azureml_exception = sys.modules[f"{__name__}._azureml_exception"] = sys.modules[__name__]
