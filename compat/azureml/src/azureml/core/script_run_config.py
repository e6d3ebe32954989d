"""SDK v1's module ``azureml.core.script_run_config``."""

from azureml import _made
from trainshed.api.configuration.runconfig import RunConfiguration
from trainshed.api.training.script_run_config import ScriptRunConfig


def get_run_config_from_script_run(script_run_config: ScriptRunConfig) -> RunConfiguration:
    """Return the run configuration of a ScriptRunConfig."""
    return script_run_config.run_config


__all__ = ["ScriptRunConfig", "get_run_config_from_script_run", *_made.names("core.script_run_config")]

__getattr__ = _made.lookup("core.script_run_config")
