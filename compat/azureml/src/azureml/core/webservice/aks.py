"""SDK v1's module ``azureml.core.webservice.aks``."""

from azureml import _made
from trainshed.api.deployment.configurations import AksServiceDeploymentConfiguration
from trainshed.api.deployment.webservice import AksWebservice

__all__ = ["AksServiceDeploymentConfiguration", "AksWebservice", *_made.names("core.webservice.aks")]

__getattr__ = _made.lookup("core.webservice.aks")
