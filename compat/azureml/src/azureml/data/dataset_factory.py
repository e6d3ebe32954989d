"""azureml.data.dataset_factory."""

from trainshed.api.file_dataset import FileFactory as FileDatasetFactory
from trainshed.api.tabular import TabularFactory as TabularDatasetFactory

__all__ = ["FileDatasetFactory", "TabularDatasetFactory"]
