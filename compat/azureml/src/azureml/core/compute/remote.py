"""azureml.core.compute.remote."""

from trainshed.api.other_compute import RemoteCompute

__all__ = ["RemoteCompute"]
