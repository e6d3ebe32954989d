"""SDK v1's module ``azureml.core.script_run_config``."""

from trainshed.api.training.script_run_config import ScriptRunConfig

__all__ = ["ScriptRunConfig"]
