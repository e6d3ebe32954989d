"""azureml.data."""

from trainshed.api.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
from trainshed.api.data_reference import DataPath, DataReference
from trainshed.api.file_dataset import FileDataset
from trainshed.api.tabular import TabularDataset

__all__ = [
    "DataPath",
    "DataReference",
    "DatasetConsumptionConfig",
    "FileDataset",
    "OutputFileDatasetConfig",
    "TabularDataset",
]
