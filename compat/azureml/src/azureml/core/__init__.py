"""azureml.core."""

import trainshed

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

TYPE_CHECKING = False  # as good as typing's to checkers and editors, without importing it
if TYPE_CHECKING:
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


def __getattr__(name: str) -> object:
    """Import a name at its first use: 'from azureml.core import Workspace' needs no estimator."""
    if name not in __all__:
        raise AttributeError(f"module 'azureml.core' has no attribute '{name}'")
    value = globals()[name] = getattr(trainshed, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
