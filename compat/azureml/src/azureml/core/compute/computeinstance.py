"""azureml.core.compute.computeinstance."""

from trainshed.api.other_compute import ComputeInstance

__all__ = ["ComputeInstance"]
