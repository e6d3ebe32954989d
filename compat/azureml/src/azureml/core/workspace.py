"""azureml.core.workspace."""

from trainshed import Workspace

__all__ = ["Workspace"]
