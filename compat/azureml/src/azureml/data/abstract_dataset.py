"""SDK v1's module ``azureml.data.abstract_dataset``."""

from azureml import _made
from trainshed.api.data.dataset import AbstractDataset

_made.equip(AbstractDataset)

__all__ = ["AbstractDataset"]
