"""azureml.widgets."""

from trainshed.widgets import RunDetails

__all__ = ["RunDetails"]
