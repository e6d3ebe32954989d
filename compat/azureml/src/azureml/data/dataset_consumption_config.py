"""SDK v1's module ``azureml.data.dataset_consumption_config``."""

from trainshed.api.data.consumption import DatasetConsumptionConfig

__all__ = ["DatasetConsumptionConfig"]
