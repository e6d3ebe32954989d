"""azureml.core.compute."""

from trainshed import ComputeTarget

__all__ = ["ComputeTarget"]
