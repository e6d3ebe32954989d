"""SDK v1's module ``azureml.train``."""
