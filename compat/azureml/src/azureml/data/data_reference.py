"""azureml.data.data_reference."""

from trainshed import DataReference

__all__ = ["DataReference"]
