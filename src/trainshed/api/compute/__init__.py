"""Compute targets. Importing this package registers every kind of target with :class:`ComputeTarget`."""

from trainshed.api.compute.cluster import AmlCompute, BatchAiCompute
from trainshed.api.compute.compute import ComputeTarget, LocalTarget
from trainshed.api.compute.remote import RemoteCompute, SshCompute, SshPool
from trainshed.api.compute.slurm import SlurmCompute
from trainshed.api.compute.virtual import AksCompute, ComputeInstance, DsvmCompute

__all__ = [
    "AksCompute",
    "AmlCompute",
    "BatchAiCompute",
    "ComputeInstance",
    "ComputeTarget",
    "DsvmCompute",
    "LocalTarget",
    "RemoteCompute",
    "SlurmCompute",
    "SshCompute",
    "SshPool",
]
