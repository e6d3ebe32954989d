"""SDK v1's module ``azureml.data.dataset_factory``."""

from azureml import _made
from trainshed.api.data.column_types import DataType
from trainshed.api.data.file_dataset import FileFactory as FileDatasetFactory
from trainshed.api.data.tabular import TabularFactory

TabularDatasetFactory = TabularFactory
_made.equip(TabularFactory)

__all__ = ["DataType", "FileDatasetFactory", "TabularDatasetFactory", "TabularFactory"]
