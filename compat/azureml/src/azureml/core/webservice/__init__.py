"""SDK v1's module ``azureml.core.webservice``."""

from azureml import _made
from trainshed.api.deployment.inference_config import InferenceConfig
from trainshed.api.deployment.webservice import AciWebservice, AksWebservice, LocalWebservice, Webservice

__all__ = [
    "AciWebservice",
    "AksWebservice",
    "InferenceConfig",
    "LocalWebservice",
    "Webservice",
    *_made.names("core.webservice"),
]

_made.equip(InferenceConfig)

__getattr__ = _made.lookup("core.webservice")
