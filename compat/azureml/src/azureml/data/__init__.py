"""azureml.data."""

from trainshed.api.data.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
from trainshed.api.data.data_reference import DataPath, DataReference
from trainshed.api.data.file_dataset import FileDataset
from trainshed.api.data.tabular import TabularDataset

__all__ = [
    "DataPath",
    "DataReference",
    "DatasetConsumptionConfig",
    "FileDataset",
    "OutputFileDatasetConfig",
    "TabularDataset",
]
