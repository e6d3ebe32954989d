"""SDK v1's module ``azureml.data.output_dataset_config``."""

from azureml import _made
from trainshed.api.data.consumption import OutputFileDatasetConfig

_made.equip(OutputFileDatasetConfig)

__all__ = ["OutputFileDatasetConfig"]
