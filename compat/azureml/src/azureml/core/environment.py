"""SDK v1's module ``azureml.core.environment``."""

from azureml import _made
from azureml.core import Environment
from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.api.configuration.environment import PythonSection
from trainshed.api.configuration.runconfig_sections import ContainerRegistry, DockerSection, SparkSection
from trainshed.api.runs.image_build import ImageBuildDetails

# Names in early SDK releases.
PythonEnvironment, DockerEnvironment, SparkEnvironment = PythonSection, DockerSection, SparkSection

__all__ = [
    "CondaDependencies",
    "ContainerRegistry",
    "DockerEnvironment",
    "DockerSection",
    "Environment",
    "ImageBuildDetails",
    "PythonEnvironment",
    "PythonSection",
    "SparkEnvironment",
    "SparkSection",
    *_made.names("core.environment"),
]

__getattr__ = _made.lookup("core.environment")
