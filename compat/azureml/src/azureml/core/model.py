"""SDK v1's module ``azureml.core.model``."""

from azureml import _made
from azureml.core import Model
from trainshed.api.deployment.inference_config import InferenceConfig

__all__ = ["InferenceConfig", "Model", *_made.names("core.model")]

_made.equip(InferenceConfig)

__getattr__ = _made.lookup("core.model")
