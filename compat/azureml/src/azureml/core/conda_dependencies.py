"""azureml.core.conda_dependencies."""

from trainshed.api.conda_dependencies import CondaDependencies

__all__ = ["CondaDependencies"]
