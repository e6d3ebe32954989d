"""SDK v1's module ``azureml.core.dataset``."""

from azureml import _made
from azureml.core import Dataset

__all__ = ["Dataset"]

__getattr__ = _made.lookup("core.dataset")
