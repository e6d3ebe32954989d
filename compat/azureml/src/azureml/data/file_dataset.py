"""azureml.data.file_dataset."""

from trainshed.api.file_dataset import FileDataset

__all__ = ["FileDataset"]
