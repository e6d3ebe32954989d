"""SDK v1's module ``azureml.core.conda_dependencies``."""

from trainshed.api.configuration.conda_dependencies import CondaDependencies

__all__ = ["CondaDependencies"]
