"""azureml._common.exceptions inside a run: where late v1 scripts took the root of all its exceptions from."""

from trainshed.errors import TrainshedError as AzureMLException

__all__ = ["AzureMLException"]
