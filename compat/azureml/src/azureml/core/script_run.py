"""SDK v1's module ``azureml.core.script_run``."""

from azureml import _made
from trainshed.api.runs.run import ScriptRun

__all__ = ["ScriptRun"]

__getattr__ = _made.lookup("core.script_run")
