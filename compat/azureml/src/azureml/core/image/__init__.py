"""SDK v1's module ``azureml.core.image``."""

from azureml import _made

__all__ = _made.names("core.image")

__getattr__ = _made.lookup("core.image")
