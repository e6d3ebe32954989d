"""SDK v1's module ``azureml.contrib.services.aml_response``."""

from trainshed.runtime.scoring_response import AMLResponse

__all__ = ["AMLResponse"]
