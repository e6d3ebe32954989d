"""SDK v1's module ``azureml.data.tabular_dataset``."""

from trainshed.api.data.dataset import TabularDataset

__all__ = ["TabularDataset"]
