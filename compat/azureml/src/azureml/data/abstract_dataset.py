"""SDK v1's module ``azureml.data.abstract_dataset``."""

from trainshed.api.data.dataset import AbstractDataset

__all__ = ["AbstractDataset"]
