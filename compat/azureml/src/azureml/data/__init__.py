"""SDK v1's module ``azureml.data``."""

from azureml import _made
from azureml.core import __version__
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.dataset_factory import DataType
from azureml.data.output_dataset_config import OutputFileDatasetConfig
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
    "__version__",
]
