"""SDK v1's module ``azureml.core.workspace``."""

from azureml.core import Workspace

__all__ = ["Workspace"]
