"""azureml._common."""
