"""azureml.core.webservice.aci."""

from trainshed.api.serving import AciWebservice

__all__ = ["AciWebservice"]
