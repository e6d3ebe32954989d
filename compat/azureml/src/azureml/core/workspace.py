"""azureml.core.workspace."""

from azureml.core import Workspace

__all__ = ["Workspace"]
