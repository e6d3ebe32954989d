"""azureml.core.compute.batch."""

from trainshed.api.compute.other_compute import BatchCompute

__all__ = ["BatchCompute"]
