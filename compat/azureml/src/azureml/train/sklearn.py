"""SDK v1's module ``azureml.train.sklearn``."""

from trainshed.api.training.frameworks import SKLearn

__all__ = ["SKLearn"]
