"""SDK v1's module ``azureml.core.compute.datafactory``."""

from azureml import _made

__all__ = _made.names("core.compute.datafactory")

__getattr__ = _made.lookup("core.compute.datafactory")
