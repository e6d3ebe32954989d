"""SDK v1's module ``azureml.core.datastore``."""

from azureml.core import Datastore

__all__ = ["Datastore"]
