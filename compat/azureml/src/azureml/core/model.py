"""SDK v1's module ``azureml.core.model``."""

from azureml import _made
from azureml.core import Model

__all__ = ["Model", *_made.names("core.model")]

__getattr__ = _made.lookup("core.model")
