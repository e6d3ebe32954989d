"""SDK v1's module ``azureml.core.workspace``."""

from azureml import _made
from azureml.core import Workspace

__all__ = ["Workspace"]

__getattr__ = _made.lookup("core.workspace")
