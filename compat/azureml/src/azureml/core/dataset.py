"""SDK v1's module ``azureml.core.dataset``."""

from azureml import _made
from trainshed.api.data.dataset import Dataset

__all__ = ["Dataset"]

__getattr__ = _made.lookup("core.dataset")
