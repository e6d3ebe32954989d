"""SDK v1's module ``azureml.core.script_run``."""

from trainshed.api.runs.run import ScriptRun

__all__ = ["ScriptRun"]
