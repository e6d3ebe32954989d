"""azureml.exceptions inside a run."""

from trainshed.runtime.values import RunEnvironmentException, UserErrorException

AzureMLException = Exception

__all__ = ["AzureMLException", "RunEnvironmentException", "UserErrorException"]
