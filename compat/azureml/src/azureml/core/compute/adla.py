"""SDK v1's module ``azureml.core.compute.adla``."""

from azureml import _made

__all__ = _made.names("core.compute.adla")

__getattr__ = _made.lookup("core.compute.adla")
