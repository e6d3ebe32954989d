"""azureml.core.experiment."""

from trainshed.api.runs.experiment import Experiment

__all__ = ["Experiment"]
