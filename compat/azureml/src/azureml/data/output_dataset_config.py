"""azureml.data.output_dataset_config."""

from trainshed.api.consumption import OutputFileDatasetConfig

__all__ = ["OutputFileDatasetConfig"]
