"""azureml.core."""

from trainshed import (
    ComputeTarget,
    ContainerRegistry,
    Datastore,
    Environment,
    Experiment,
    Run,
    RunConfiguration,
    ScriptRun,
    ScriptRunConfig,
    Workspace,
    get_run,
)

VERSION = "1.61.0"
__version__ = VERSION

__all__ = [
    "VERSION",
    "ComputeTarget",
    "ContainerRegistry",
    "Datastore",
    "Environment",
    "Experiment",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "Workspace",
    "get_run",
]
