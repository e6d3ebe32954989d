"""azureml.core.webservice.local."""

from trainshed.api.serving import LocalWebservice

__all__ = ["LocalWebservice"]
