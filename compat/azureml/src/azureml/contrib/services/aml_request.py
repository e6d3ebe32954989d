"""SDK v1's module ``azureml.contrib.services.aml_request``."""

from trainshed.runtime.scoring_request import AMLRequest, rawhttp

__all__ = ["AMLRequest", "rawhttp"]
