"""azureml.core.compute.batch."""

from trainshed.api.other_compute import BatchCompute

__all__ = ["BatchCompute"]
