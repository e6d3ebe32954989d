"""SDK v1's module ``azureml.core.compute.batch``."""

from azureml import _made

__all__ = _made.names("core.compute.batch")

__getattr__ = _made.lookup("core.compute.batch")
