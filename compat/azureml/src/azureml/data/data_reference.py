"""SDK v1's module ``azureml.data.data_reference``."""

from trainshed.api.data.data_reference import DataReference

__all__ = ["DataReference"]
