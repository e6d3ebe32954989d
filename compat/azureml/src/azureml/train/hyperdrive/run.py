"""SDK v1's module ``azureml.train.hyperdrive.run``."""

from trainshed.api.hyperdrive.run import HyperDriveRun

__all__ = ["HyperDriveRun"]
