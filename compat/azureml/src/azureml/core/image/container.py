"""azureml.core.image.container."""

from trainshed.api.serving import ContainerImage

__all__ = ["ContainerImage"]
