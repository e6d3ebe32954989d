"""SDK v1's module ``azureml.core.image``."""

from azureml import _made
from trainshed.api.deployment.image import ContainerImage, Image

__all__ = ["ContainerImage", "Image", *_made.names("core.image")]

_made.equip(ContainerImage)
_made.equip(Image)

__getattr__ = _made.lookup("core.image")
