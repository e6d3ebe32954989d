"""SDK v1's module ``azureml.core.image.image``."""

from azureml import _made
from trainshed.api.deployment.image import Image

__all__ = ["Image", *_made.names("core.image.image")]

_made.equip(Image)

__getattr__ = _made.lookup("core.image.image")
