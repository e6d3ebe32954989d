"""azureml.core.compute.databricks."""

from trainshed.api.compute.other_compute import DatabricksCompute

__all__ = ["DatabricksCompute"]
