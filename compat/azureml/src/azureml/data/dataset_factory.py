"""SDK v1's module ``azureml.data.dataset_factory``."""

from trainshed.api.data.column_types import DataType
from trainshed.api.data.file_dataset import FileFactory as FileDatasetFactory
from trainshed.api.data.tabular import TabularFactory as TabularDatasetFactory

__all__ = ["DataType", "FileDatasetFactory", "TabularDatasetFactory"]
