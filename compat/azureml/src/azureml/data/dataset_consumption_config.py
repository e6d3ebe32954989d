"""azureml.data.dataset_consumption_config."""

from trainshed.api.consumption import DatasetConsumptionConfig

__all__ = ["DatasetConsumptionConfig"]
