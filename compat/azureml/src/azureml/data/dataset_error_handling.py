"""SDK v1's module ``azureml.data.dataset_error_handling``: what may be wrong with a dataset."""

from trainshed.errors import UserErrorException as DatasetExecutionError
from trainshed.errors import UserErrorException as DatasetValidationError

__all__ = ["DatasetExecutionError", "DatasetValidationError"]
