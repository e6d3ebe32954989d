"""SDK v1's module ``azureml._common.exceptions``, from which some scripts import the base exception."""

from trainshed.errors import TrainshedError as AzureMLException

__all__ = ["AzureMLException"]
