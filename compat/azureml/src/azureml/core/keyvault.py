"""SDK v1's module ``azureml.core.keyvault``."""

from azureml import _made
from trainshed.api.workspace.keyvault import Keyvault

__all__ = ["Keyvault"]

__getattr__ = _made.lookup("core.keyvault")
