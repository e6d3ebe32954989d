"""SDK v1's module ``azureml.core.image.container``."""

from azureml import _made
from trainshed.api.deployment.image import ContainerImage, ContainerImageConfig

__all__ = ["ContainerImage", "ContainerImageConfig", *_made.names("core.image.container")]

_made.equip(ContainerImage)

__getattr__ = _made.lookup("core.image.container")
