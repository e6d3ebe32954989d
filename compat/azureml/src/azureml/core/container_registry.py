"""azureml.core.container_registry."""

from trainshed.api.configuration.runconfig import ContainerRegistry

__all__ = ["ContainerRegistry"]
