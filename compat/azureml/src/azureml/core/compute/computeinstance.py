"""azureml.core.compute.computeinstance."""

from trainshed.api.compute.other_compute import ComputeInstance

__all__ = ["ComputeInstance"]
