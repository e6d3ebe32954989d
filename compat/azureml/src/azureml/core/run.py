"""azureml.core.run."""

from trainshed import Run, get_run

__all__ = ["Run", "get_run"]
