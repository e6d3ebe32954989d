"""azureml.core.compute.synapse."""

from trainshed.api.compute.other_compute import SynapseCompute

__all__ = ["SynapseCompute"]
