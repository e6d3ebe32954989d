"""azureml.data.azure_storage_datastore."""

from trainshed.api.datastore import AzureBlobDatastore, AzureFileDatastore

__all__ = ["AzureBlobDatastore", "AzureFileDatastore"]
