"""SDK v1's module ``azureml.core.conda_dependencies``."""

from azureml import _made
from trainshed.api.configuration.conda_dependencies import CondaDependencies

__all__ = ["CondaDependencies"]

__getattr__ = _made.lookup("core.conda_dependencies")
