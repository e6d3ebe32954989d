"""SDK v1's module ``azureml.core.compute.aks``."""

from trainshed.api.compute.virtual import AksCompute

__all__ = ["AksCompute"]
