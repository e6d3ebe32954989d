"""SDK v1's module ``azureml.train.hyperdrive.exceptions``."""

from trainshed.errors import (
    HyperDriveConfigException,
    HyperDriveNotImplementedException,
    HyperDriveScenarioNotSupportedException,
)

__all__ = [
    "HyperDriveConfigException",
    "HyperDriveNotImplementedException",
    "HyperDriveScenarioNotSupportedException",
]
