"""SDK v1's module ``azureml.data.context_managers``."""

from trainshed.api.data.file_dataset import MountContext as DatasetContextManager

__all__ = ["DatasetContextManager"]
