"""azureml.core.image.image."""

from trainshed.api.serving import Image

__all__ = ["Image"]
