"""azureml.core.compute.datafactory."""

from trainshed.api.other_compute import DataFactoryCompute

__all__ = ["DataFactoryCompute"]
