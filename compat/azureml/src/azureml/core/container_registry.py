"""azureml.core.container_registry."""

from trainshed.api.configuration.environment import ContainerRegistry

__all__ = ["ContainerRegistry"]
