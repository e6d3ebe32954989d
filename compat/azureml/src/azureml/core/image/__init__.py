"""azureml.core.image."""

from trainshed.api.serving import ContainerImage, Image

__all__ = ["ContainerImage", "Image"]
