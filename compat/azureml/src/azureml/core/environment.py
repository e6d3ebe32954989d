"""SDK v1's module ``azureml.core.environment``."""

from azureml.core import Environment

__all__ = ["Environment"]
