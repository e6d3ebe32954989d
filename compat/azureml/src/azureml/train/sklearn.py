"""SDK v1's module ``azureml.train.sklearn``."""

from azureml import _made
from trainshed.api.training.frameworks import SKLearn

__all__ = ["SKLearn"]

__getattr__ = _made.lookup("train.sklearn")
