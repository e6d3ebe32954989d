"""SDK v1's module ``azureml.data``."""

from trainshed.api.data.column_types import DataType
from trainshed.api.data.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
from trainshed.api.data.data_reference import DataPath, DataReference
from trainshed.api.data.dataset import FileDataset, TabularDataset

__all__ = [
    "DataPath",
    "DataReference",
    "DataType",
    "DatasetConsumptionConfig",
    "FileDataset",
    "OutputFileDatasetConfig",
    "TabularDataset",
]
