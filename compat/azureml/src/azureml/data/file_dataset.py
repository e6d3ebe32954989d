"""azureml.data.file_dataset."""

from trainshed.api.data.file_dataset import FileDataset

__all__ = ["FileDataset"]
