"""SDK v1's module ``azureml.core.container_registry``."""

from azureml import _made
from trainshed.api.configuration.runconfig_sections import ContainerRegistry

__all__ = ["ContainerRegistry", *_made.names("core.container_registry")]

__getattr__ = _made.lookup("core.container_registry")
