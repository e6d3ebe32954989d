"""azureml.core.compute.dsvm."""

from trainshed.api.compute.other_compute import DsvmCompute

__all__ = ["DsvmCompute"]
