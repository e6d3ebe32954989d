"""azureml.contrib.services inside a run: requests and responses of scoring scripts."""
