"""SDK v1's package ``azureml.contrib.services``: requests and responses of scoring scripts."""
