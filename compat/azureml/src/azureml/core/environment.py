"""azureml.core.environment."""

from trainshed.api.environment import Environment

__all__ = ["Environment"]
