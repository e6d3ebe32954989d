"""azureml._common inside a run."""
