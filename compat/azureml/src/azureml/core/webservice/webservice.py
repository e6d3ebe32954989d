"""azureml.core.webservice.webservice."""

from trainshed.api.serving import Webservice

__all__ = ["Webservice"]
