"""SDK v1's module ``azureml.core.model``."""

from azureml import _made
from azureml.core import Model
from trainshed.api.deployment.inference_config import InferenceConfig
from trainshed.api.deployment.package import ModelPackage
from trainshed.api.deployment.profile import ModelProfile

__all__ = ["InferenceConfig", "Model", "ModelPackage", "ModelProfile", *_made.names("core.model")]

_made.equip(InferenceConfig)

__getattr__ = _made.lookup("core.model")
