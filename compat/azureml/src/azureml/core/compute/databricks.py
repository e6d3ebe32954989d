"""azureml.core.compute.databricks."""

from trainshed.api.other_compute import DatabricksCompute

__all__ = ["DatabricksCompute"]
