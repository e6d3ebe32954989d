"""azureml.core.experiment."""

from trainshed import Experiment

__all__ = ["Experiment"]
