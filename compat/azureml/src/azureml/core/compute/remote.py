"""SDK v1's module ``azureml.core.compute.remote``."""

from trainshed.api.compute.remote import RemoteCompute, RemoteComputeAttachConfiguration

__all__ = ["RemoteCompute", "RemoteComputeAttachConfiguration"]
