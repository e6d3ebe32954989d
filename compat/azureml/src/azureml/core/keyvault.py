"""azureml.core.keyvault."""

from trainshed.api.keyvault import Keyvault

__all__ = ["Keyvault"]
