"""azureml.core.script_run."""

from trainshed.api.run import ScriptRun

__all__ = ["ScriptRun"]
