"""SDK v1's module ``azureml.core.resource_configuration``."""

from trainshed.api.data.resource_configuration import ResourceConfiguration

__all__ = ["ResourceConfiguration"]
