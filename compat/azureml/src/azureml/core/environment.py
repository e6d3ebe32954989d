"""azureml.core.environment."""

from trainshed import Environment

__all__ = ["Environment"]
