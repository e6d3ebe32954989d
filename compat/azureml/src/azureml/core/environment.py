"""SDK v1's module ``azureml.core.environment``."""

from azureml.core import Environment
from trainshed.api.runs.image_build import ImageBuildDetails

__all__ = ["Environment", "ImageBuildDetails"]
