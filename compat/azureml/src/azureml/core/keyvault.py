"""SDK v1's module ``azureml.core.keyvault``."""

from trainshed.api.workspace.keyvault import Keyvault

__all__ = ["Keyvault"]
