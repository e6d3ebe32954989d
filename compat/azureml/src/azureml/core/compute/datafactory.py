"""azureml.core.compute.datafactory."""

from trainshed.api.compute.other_compute import DataFactoryCompute

__all__ = ["DataFactoryCompute"]
