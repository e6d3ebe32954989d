"""SDK v1's module ``azureml.data.azure_storage_datastore``."""

from trainshed.api.data.datastore import AzureBlobDatastore, AzureFileDatastore

__all__ = ["AzureBlobDatastore", "AzureFileDatastore"]
