"""SDK v1's module ``azureml.data``."""

from azureml import _made
from trainshed.api.data.column_types import DataType
from trainshed.api.data.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
from trainshed.api.data.data_reference import DataPath, DataReference
from trainshed.api.data.dataset import FileDataset, TabularDataset

_made.equip(TabularDataset)

__all__ = [
    "DataPath",
    "DataReference",
    "DataType",
    "DatasetConsumptionConfig",
    "FileDataset",
    "OutputFileDatasetConfig",
    "TabularDataset",
]
