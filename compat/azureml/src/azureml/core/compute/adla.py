"""azureml.core.compute.adla."""

from trainshed.api.other_compute import AdlaCompute

__all__ = ["AdlaCompute"]
