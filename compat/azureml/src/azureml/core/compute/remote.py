"""SDK v1's module ``azureml.core.compute.remote``."""

from trainshed.api.compute.remote import RemoteCompute

__all__ = ["RemoteCompute"]
