"""SDK v1's module ``azureml.core.webservice.aci``."""

from azureml import _made
from trainshed.api.deployment.configurations import AciServiceDeploymentConfiguration
from trainshed.api.deployment.webservice import AciWebservice

__all__ = ["AciServiceDeploymentConfiguration", "AciWebservice", *_made.names("core.webservice.aci")]

__getattr__ = _made.lookup("core.webservice.aci")
