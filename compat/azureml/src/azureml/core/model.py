"""azureml.core.model."""

from trainshed.api.data.model import Model
from trainshed.api.serving import InferenceConfig

__all__ = ["InferenceConfig", "Model"]
