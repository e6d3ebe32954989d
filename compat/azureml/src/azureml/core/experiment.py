"""SDK v1's module ``azureml.core.experiment``."""

from azureml.core import Experiment

__all__ = ["Experiment"]
