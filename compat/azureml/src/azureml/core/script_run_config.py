"""azureml.core.script_run_config."""

from trainshed import ScriptRunConfig

__all__ = ["ScriptRunConfig"]
