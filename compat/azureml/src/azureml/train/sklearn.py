"""azureml.train.sklearn."""

from trainshed.api.frameworks import SKLearn

__all__ = ["SKLearn"]
