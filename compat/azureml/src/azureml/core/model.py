"""azureml.core.model."""

from trainshed.api.model import Model
from trainshed.api.serving import InferenceConfig

__all__ = ["InferenceConfig", "Model"]
