"""SDK v1's module ``azureml.widgets``."""

from trainshed.widgets import RunDetails

__all__ = ["RunDetails"]
