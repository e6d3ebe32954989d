"""azureml.exceptions inside a run: the names that v1 had, so that ``except`` clauses can be written with them."""

from trainshed.runtime.errors import AzureMLException, RunEnvironmentException, UserErrorException


def _named(name: str, parent: type = AzureMLException) -> type:
    return type(name, (parent,), {"__module__": __name__, "__doc__": "Not raised inside of a run."})


ActivityFailedException = _named("ActivityFailedException")
AuthenticationException = _named("AuthenticationException", UserErrorException)
AzureMLAggregatedException = _named("AzureMLAggregatedException")
ComputeTargetException = _named("ComputeTargetException")
DiscoveryUrlNotFoundException = _named("DiscoveryUrlNotFoundException")
ExperimentExecutionException = _named("ExperimentExecutionException")
ModelNotFoundException = _named("ModelNotFoundException")
ModelPathNotFoundException = _named("ModelPathNotFoundException")
ParallelRunException = _named("ParallelRunException")
ProjectSystemException = _named("ProjectSystemException")
RunConfigurationException = _named("RunConfigurationException")
ServiceException = _named("ServiceException")
SnapshotException = _named("SnapshotException")
TrainingException = _named("TrainingException")
WebserviceException = _named("WebserviceException")
WorkspaceException = _named("WorkspaceException")
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
