"""SDK v1's module ``azureml.core.datastore``."""

from azureml import _made
from azureml.core import Datastore

__all__ = ["Datastore"]

__getattr__ = _made.lookup("core.datastore")
