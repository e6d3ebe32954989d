"""azureml.core.compute_target."""

from trainshed.errors import ComputeTargetException

__all__ = ["ComputeTargetException"]
