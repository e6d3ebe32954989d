"""azureml.core.workspace."""

from trainshed.api.workspace import Workspace

__all__ = ["Workspace"]
