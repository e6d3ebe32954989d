"""azureml.core.environment."""

from trainshed.api.configuration.environment import Environment

__all__ = ["Environment"]
