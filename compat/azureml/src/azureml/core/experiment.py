"""azureml.core.experiment."""

from trainshed.api.experiment import Experiment

__all__ = ["Experiment"]
