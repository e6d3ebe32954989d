"""SDK v1's module ``azureml.core.compute.computeinstance``."""

from azureml import _made
from trainshed.api.compute.virtual import ComputeInstance
from trainshed.api.compute.virtual import InstanceStatus as ComputeInstanceStatus

__all__ = ["ComputeInstance", "ComputeInstanceStatus", *_made.names("core.compute.computeinstance")]

__getattr__ = _made.lookup("core.compute.computeinstance")
