"""SDK v1's module ``azureml.core.dataset``."""

from azureml.core import Dataset

__all__ = ["Dataset"]
