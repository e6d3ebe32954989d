"""SDK v1's module ``azureml.data.abstract_datastore``."""

from azureml.core import Datastore as AbstractDatastore

__all__ = ["AbstractDatastore"]
