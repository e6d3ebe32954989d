"""azureml.core.datastore."""

from trainshed import Datastore

__all__ = ["Datastore"]
