"""azureml.core.compute.adla."""

from trainshed.api.compute.other_compute import AdlaCompute

__all__ = ["AdlaCompute"]
