"""azureml.core.compute.compute."""

from trainshed.api.compute import ComputeTarget

__all__ = ["ComputeTarget"]
