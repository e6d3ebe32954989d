"""SDK v1's module ``azureml.core.compute.compute``."""

from trainshed.api.compute.compute import ComputeTarget

__all__ = ["ComputeTarget"]
