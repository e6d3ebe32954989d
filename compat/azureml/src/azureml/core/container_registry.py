"""azureml.core.container_registry."""

from trainshed import ContainerRegistry

__all__ = ["ContainerRegistry"]
