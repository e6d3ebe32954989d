"""SDK v1's module ``azureml.core.compute.dsvm``."""

from azureml import _made

__all__ = _made.names("core.compute.dsvm")

__getattr__ = _made.lookup("core.compute.dsvm")
