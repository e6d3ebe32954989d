"""SDK v1's module ``azureml.train.hyperdrive.run``."""

from azureml import _made
from trainshed.api.hyperdrive.config import HyperDriveConfig, HyperDriveRunConfig, PrimaryMetricGoal
from trainshed.api.hyperdrive.run import HyperDriveRun

__all__ = ["HyperDriveConfig", "HyperDriveRun", "HyperDriveRunConfig", "PrimaryMetricGoal"]

__getattr__ = _made.lookup("train.hyperdrive.run")
