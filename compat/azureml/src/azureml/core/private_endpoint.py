"""azureml.core.private_endpoint."""

from trainshed.api.serving import PrivateEndPoint, PrivateEndPointConfig

__all__ = ["PrivateEndPoint", "PrivateEndPointConfig"]
