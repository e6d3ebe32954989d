"""SDK v1's module ``azureml.train.hyperdrive.runconfig``."""

from azureml import _made
from trainshed.api.hyperdrive.config import HyperDriveConfig, HyperDriveRunConfig, PrimaryMetricGoal

__all__ = ["HyperDriveConfig", "HyperDriveRunConfig", "PrimaryMetricGoal"]

__getattr__ = _made.lookup("train.hyperdrive.runconfig")
