"""SDK v1's module ``azureml.core.image.image``."""

from azureml import _made

__all__ = _made.names("core.image.image")

__getattr__ = _made.lookup("core.image.image")
