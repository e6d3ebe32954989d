"""SDK v1's module ``azureml.core.webservice.local``."""

from azureml import _made
from trainshed.api.deployment.configurations import LocalWebserviceDeploymentConfiguration
from trainshed.api.deployment.webservice import LocalWebservice

__all__ = ["LocalWebservice", "LocalWebserviceDeploymentConfiguration", *_made.names("core.webservice.local")]

__getattr__ = _made.lookup("core.webservice.local")
