"""SDK v1's module ``azureml.core.compute.synapse``."""

from azureml import _made

__all__ = _made.names("core.compute.synapse")

__getattr__ = _made.lookup("core.compute.synapse")
