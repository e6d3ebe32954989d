"""SDK v1's module ``azureml.core.compute.dsvm``."""

from azureml import _made
from trainshed.api.compute.virtual import DsvmCompute

__all__ = ["DsvmCompute", *_made.names("core.compute.dsvm")]

__getattr__ = _made.lookup("core.compute.dsvm")
