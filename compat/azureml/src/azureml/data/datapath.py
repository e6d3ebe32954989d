"""azureml.data.datapath."""

from trainshed import DataPath

__all__ = ["DataPath"]
