"""azureml.core.datastore."""

from trainshed.api.datastore import Datastore

__all__ = ["Datastore"]
