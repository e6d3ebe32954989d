"""azureml.core.compute.remote."""

from trainshed.api.compute.other_compute import RemoteCompute

__all__ = ["RemoteCompute"]
