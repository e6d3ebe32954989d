"""azureml.core.webservice.aks."""

from trainshed.api.serving import AksWebservice

__all__ = ["AksWebservice"]
