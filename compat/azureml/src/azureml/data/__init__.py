"""azureml.data."""
