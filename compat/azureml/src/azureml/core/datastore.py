"""azureml.core.datastore."""

from trainshed.api.data.datastore import Datastore

__all__ = ["Datastore"]
