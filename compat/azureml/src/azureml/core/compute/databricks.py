"""SDK v1's module ``azureml.core.compute.databricks``."""

from azureml import _made

__all__ = _made.names("core.compute.databricks")

__getattr__ = _made.lookup("core.compute.databricks")
