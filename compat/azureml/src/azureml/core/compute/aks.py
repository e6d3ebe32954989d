"""azureml.core.compute.aks."""

from trainshed.api.compute.other_compute import AksCompute

__all__ = ["AksCompute"]
