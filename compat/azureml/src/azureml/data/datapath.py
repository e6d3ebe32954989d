"""azureml.data.datapath."""

from trainshed.api.data_reference import DataPath

__all__ = ["DataPath"]
