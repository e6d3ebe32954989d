"""azureml.core.compute.synapse."""

from trainshed.api.other_compute import SynapseCompute

__all__ = ["SynapseCompute"]
