"""azureml.data.tabular_dataset."""

from trainshed.api.tabular import TabularDataset

__all__ = ["TabularDataset"]
