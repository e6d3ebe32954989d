"""azureml._restclient: the one private module that SDK v1's documentation told people to change."""
