"""azureml.exceptions inside a run: the names that v1 had, so that ``except`` clauses can be written with them."""

import sys

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


def _named(name: str, parent: type = AzureMLException) -> type:
    return type(name, (parent,), {"__module__": __name__, "__doc__": "Not raised inside of a run."})


AzureMLAggregatedException = _named("AzureMLAggregatedException")
DiscoveryUrlNotFoundException = _named("DiscoveryUrlNotFoundException")
ParallelRunException = _named("ParallelRunException")
ProjectSystemException = _named("ProjectSystemException")
WorkspacePrivateEndpointException = _named("WorkspacePrivateEndpointException")

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
