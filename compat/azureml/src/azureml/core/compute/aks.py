"""azureml.core.compute.aks."""

from trainshed.api.other_compute import AksCompute

__all__ = ["AksCompute"]
