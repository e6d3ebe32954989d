"""SDK v1's module ``azureml.core.webservice.webservice``."""

from azureml import _made
from trainshed.api.deployment.configurations import WebserviceDeploymentConfiguration
from trainshed.api.deployment.webservice import Webservice

__all__ = ["Webservice", "WebserviceDeploymentConfiguration", *_made.names("core.webservice.webservice")]

__getattr__ = _made.lookup("core.webservice.webservice")
