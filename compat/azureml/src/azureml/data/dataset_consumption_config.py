"""SDK v1's module ``azureml.data.dataset_consumption_config``."""

from azureml import _made
from trainshed.api.data.consumption import DatasetConsumptionConfig

_made.equip(DatasetConsumptionConfig)

__all__ = ["DatasetConsumptionConfig"]
