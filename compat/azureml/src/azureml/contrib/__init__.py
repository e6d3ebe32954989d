"""azureml.contrib."""
