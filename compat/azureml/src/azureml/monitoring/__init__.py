"""SDK v1's package ``azureml.monitoring``: what a scoring script collects of its inputs and predictions."""

from trainshed.runtime.scoring_data import ModelDataCollector

__all__ = ["ModelDataCollector"]
