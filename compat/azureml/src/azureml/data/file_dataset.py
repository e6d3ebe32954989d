"""SDK v1's module ``azureml.data.file_dataset``."""

from trainshed.api.data.dataset import FileDataset

__all__ = ["FileDataset"]
