"""SDK v1's module ``azureml.data.datapath``."""

from trainshed.api.data.data_reference import DataPath

__all__ = ["DataPath"]
