"""azureml.data.abstract_dataset."""

from trainshed.api.dataset import Dataset as AbstractDataset

__all__ = ["AbstractDataset"]
