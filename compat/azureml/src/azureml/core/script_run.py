"""azureml.core.script_run."""

from trainshed import ScriptRun

__all__ = ["ScriptRun"]
