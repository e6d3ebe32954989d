"""azureml.core.container_registry."""

from trainshed.api.environment import ContainerRegistry

__all__ = ["ContainerRegistry"]
