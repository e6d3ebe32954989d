"""azureml.core.conda_dependencies."""

from trainshed import CondaDependencies

__all__ = ["CondaDependencies"]
