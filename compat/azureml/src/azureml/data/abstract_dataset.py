"""azureml.data.abstract_dataset."""

from trainshed.api.data.dataset import Dataset as AbstractDataset

__all__ = ["AbstractDataset"]
