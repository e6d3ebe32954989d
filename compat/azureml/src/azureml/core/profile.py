"""SDK v1's module ``azureml.core.profile``."""

from trainshed.api.deployment.profile import ModelProfile

__all__ = ["ModelProfile"]
