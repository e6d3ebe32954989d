"""azureml.core.workspace."""

from trainshed.api.workspace.workspace import Workspace

__all__ = ["Workspace"]
