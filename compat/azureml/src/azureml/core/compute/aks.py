"""SDK v1's module ``azureml.core.compute.aks``."""

from azureml import _made

__all__ = _made.names("core.compute.aks")

__getattr__ = _made.lookup("core.compute.aks")
