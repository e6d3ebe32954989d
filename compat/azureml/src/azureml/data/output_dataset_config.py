"""SDK v1's module ``azureml.data.output_dataset_config``."""

from trainshed.api.data.consumption import OutputFileDatasetConfig

__all__ = ["OutputFileDatasetConfig"]
