"""SDK v1's module ``azureml.core.compute.computeinstance``."""

from azureml import _made

__all__ = _made.names("core.compute.computeinstance")

__getattr__ = _made.lookup("core.compute.computeinstance")
