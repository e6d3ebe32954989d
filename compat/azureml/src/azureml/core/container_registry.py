"""SDK v1's module ``azureml.core.container_registry``."""

from trainshed.api.configuration.runconfig_sections import ContainerRegistry

__all__ = ["ContainerRegistry"]
