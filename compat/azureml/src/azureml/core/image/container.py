"""SDK v1's module ``azureml.core.image.container``."""

from azureml import _made

__all__ = _made.names("core.image.container")

__getattr__ = _made.lookup("core.image.container")
