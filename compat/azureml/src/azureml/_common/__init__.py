"""SDK v1's module ``azureml._common``."""
