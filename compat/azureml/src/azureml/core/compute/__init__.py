"""SDK v1's module ``azureml.core.compute``."""

from azureml import _made
from trainshed.api.compute.cluster import AmlCompute, BatchAiCompute
from trainshed.api.compute.compute import ComputeTarget
from trainshed.api.compute.remote import RemoteCompute
from trainshed.api.compute.virtual import AksCompute, ComputeInstance, DsvmCompute
from trainshed.errors import ComputeTargetException

_made.equip(AmlCompute)
_made.equip(BatchAiCompute)
_made.equip(ComputeInstance)
_made.equip(DsvmCompute)

__all__ = [
    "AksCompute",
    "AmlCompute",
    "BatchAiCompute",
    "ComputeInstance",
    "ComputeTarget",
    "ComputeTargetException",
    "DsvmCompute",
    "RemoteCompute",
    *_made.names("core.compute"),
]

__getattr__ = _made.lookup("core.compute")
