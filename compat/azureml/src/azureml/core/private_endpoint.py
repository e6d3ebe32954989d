"""SDK v1's module ``azureml.core.private_endpoint``."""

from azureml import _made

__all__ = _made.names("core.private_endpoint")

__getattr__ = _made.lookup("core.private_endpoint")
