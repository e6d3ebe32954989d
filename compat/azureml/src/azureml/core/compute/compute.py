"""SDK v1's module ``azureml.core.compute.compute``."""

from azureml import _made
from trainshed.api.compute.compute import (
    ComputeTarget,
    ComputeTargetAttachConfiguration,
    ComputeTargetProvisioningConfiguration,
)

__all__ = [
    "ComputeTarget",
    "ComputeTargetAttachConfiguration",
    "ComputeTargetProvisioningConfiguration",
    *_made.names("core.compute.compute"),
]

__getattr__ = _made.lookup("core.compute.compute")
