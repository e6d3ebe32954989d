"""Train machine-learning models on machines you own.

Names are imported when they are first used, so that ``import trainshed`` costs next to nothing.

Example:
    >>> from trainshed import Estimator, Experiment, Workspace  # doctest: +SKIP
    >>> run = Experiment(Workspace.from_config(), "diabetes").submit(
    ...     Estimator("./src", compute_target="local", entry_script="train.py", pip_packages=["scikit-learn"])
    ... )  # doctest: +SKIP
    >>> run.wait_for_completion(show_output=True)  # doctest: +SKIP
"""

from __future__ import annotations

from trainshed import version

TYPE_CHECKING = False  # as good as typing's to checkers and editors, without importing it
if TYPE_CHECKING:
    from trainshed.api.compute import ComputeTarget
    from trainshed.api.conda_dependencies import CondaDependencies
    from trainshed.api.data_reference import DataPath, DataReference
    from trainshed.api.datastore import Datastore
    from trainshed.api.environment import Environment
    from trainshed.api.estimator import Estimator
    from trainshed.api.experiment import Experiment
    from trainshed.api.frameworks import Chainer, PyTorch, SKLearn, TensorFlow
    from trainshed.api.run import Run, ScriptRun, get_run
    from trainshed.api.runconfig import (
        ContainerRegistry,
        DataReferenceConfiguration,
        DockerConfiguration,
        MpiConfiguration,
        PyTorchConfiguration,
        RunConfiguration,
        TensorflowConfiguration,
    )
    from trainshed.api.script_run_config import ScriptRunConfig
    from trainshed.api.workspace import Workspace

__version__ = version.VERSION

_HOME = {
    "Chainer": "frameworks",
    "ComputeTarget": "compute",
    "CondaDependencies": "conda_dependencies",
    "ContainerRegistry": "runconfig",
    "DataPath": "data_reference",
    "DataReference": "data_reference",
    "DataReferenceConfiguration": "runconfig",
    "Datastore": "datastore",
    "DockerConfiguration": "runconfig",
    "Environment": "environment",
    "Estimator": "estimator",
    "Experiment": "experiment",
    "MpiConfiguration": "runconfig",
    "PyTorch": "frameworks",
    "PyTorchConfiguration": "runconfig",
    "Run": "run",
    "RunConfiguration": "runconfig",
    "SKLearn": "frameworks",
    "ScriptRun": "run",
    "ScriptRunConfig": "script_run_config",
    "TensorFlow": "frameworks",
    "TensorflowConfiguration": "runconfig",
    "Workspace": "workspace",
    "get_run": "run",
}

__all__ = [
    "Chainer",
    "ComputeTarget",
    "CondaDependencies",
    "ContainerRegistry",
    "DataPath",
    "DataReference",
    "DataReferenceConfiguration",
    "Datastore",
    "DockerConfiguration",
    "Environment",
    "Estimator",
    "Experiment",
    "MpiConfiguration",
    "PyTorch",
    "PyTorchConfiguration",
    "Run",
    "RunConfiguration",
    "SKLearn",
    "ScriptRun",
    "ScriptRunConfig",
    "TensorFlow",
    "TensorflowConfiguration",
    "Workspace",
    "__version__",
    "get_run",
]


def __getattr__(name: str) -> object:
    """Import the module in which ``name`` lives, at its first use."""
    if name not in _HOME:
        from trainshed.errors import did_you_mean

        hint = "" if name.startswith("_") else did_you_mean(name, __all__)
        raise AttributeError(f"module 'trainshed' has no attribute '{name}'.{hint}")
    from importlib import import_module

    value = getattr(import_module(f"trainshed.api.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
