"""azureml.data.data_reference."""

from trainshed.api.data_reference import DataReference

__all__ = ["DataReference"]
