"""azureml.core.compute.dsvm."""

from trainshed.api.other_compute import DsvmCompute

__all__ = ["DsvmCompute"]
