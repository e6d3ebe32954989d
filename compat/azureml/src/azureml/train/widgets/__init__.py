"""SDK v1's module ``azureml.train.widgets``."""

from trainshed.widgets import RunDetails

__all__ = ["RunDetails"]
