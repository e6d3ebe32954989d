"""SDK v1's private package ``azureml._restclient``, parts of which its documentation tells users to modify."""
