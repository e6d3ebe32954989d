"""SDK v1's module ``azureml.core.dataset``."""

from trainshed.api.data.dataset import Dataset

__all__ = ["Dataset"]
