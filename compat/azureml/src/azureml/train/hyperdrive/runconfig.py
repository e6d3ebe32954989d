"""SDK v1's module ``azureml.train.hyperdrive.runconfig``."""

from trainshed.api.hyperdrive.config import HyperDriveConfig, HyperDriveRunConfig, PrimaryMetricGoal

__all__ = ["HyperDriveConfig", "HyperDriveRunConfig", "PrimaryMetricGoal"]
