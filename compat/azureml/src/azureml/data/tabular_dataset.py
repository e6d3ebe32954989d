"""azureml.data.tabular_dataset."""

from trainshed.api.data.tabular import TabularDataset

__all__ = ["TabularDataset"]
