"""azureml.core.dataset."""

from trainshed.api.dataset import Dataset

__all__ = ["Dataset"]
