"""Train machine-learning models on machines you own.

Names are imported when they are first used, so that ``import trainshed`` costs next to nothing.

Example:
    >>> from trainshed import Estimator, Experiment, Workspace
    >>> run = Experiment(Workspace.from_config(), "diabetes").submit(
    ...     Estimator("./src", compute_target="local", entry_script="train.py", pip_packages=["scikit-learn"])
    ... )
    >>> run.wait_for_completion().status
    'Completed'
"""

from __future__ import annotations

from trainshed import version

TYPE_CHECKING = False  # as good as typing's to checkers and editors, without importing it
if TYPE_CHECKING:
    from trainshed.api import hyperdrive
    from trainshed.api.compute.cluster import AmlCompute, BatchAiCompute
    from trainshed.api.compute.compute import ComputeTarget
    from trainshed.api.compute.remote import RemoteCompute
    from trainshed.api.configuration.conda_dependencies import CondaDependencies
    from trainshed.api.configuration.environment import Environment
    from trainshed.api.configuration.runconfig import (
        ContainerRegistry,
        DataReferenceConfiguration,
        DockerConfiguration,
        MpiConfiguration,
        PyTorchConfiguration,
        RunConfiguration,
        TensorflowConfiguration,
    )
    from trainshed.api.data.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
    from trainshed.api.data.data_reference import DataPath, DataReference
    from trainshed.api.data.dataset import Dataset, FileDataset, TabularDataset
    from trainshed.api.data.datastore import Datastore
    from trainshed.api.data.model import Model
    from trainshed.api.runs.experiment import Experiment
    from trainshed.api.runs.run import Run, ScriptRun, get_run
    from trainshed.api.training.estimator import Estimator
    from trainshed.api.training.frameworks import Chainer, PyTorch, SKLearn, TensorFlow
    from trainshed.api.training.script_run_config import ScriptRunConfig
    from trainshed.api.workspace.keyvault import Keyvault
    from trainshed.api.workspace.workspace import Workspace

__version__ = version.VERSION

_HOME = {
    "AmlCompute": "compute.cluster",
    "BatchAiCompute": "compute.cluster",
    "Chainer": "training.frameworks",
    "ComputeTarget": "compute.compute",
    "CondaDependencies": "configuration.conda_dependencies",
    "ContainerRegistry": "configuration.runconfig",
    "DataPath": "data.data_reference",
    "DataReference": "data.data_reference",
    "DataReferenceConfiguration": "configuration.runconfig",
    "Dataset": "data.dataset",
    "DatasetConsumptionConfig": "data.consumption",
    "Datastore": "data.datastore",
    "DockerConfiguration": "configuration.runconfig",
    "Environment": "configuration.environment",
    "Estimator": "training.estimator",
    "Experiment": "runs.experiment",
    "FileDataset": "data.dataset",
    "Keyvault": "workspace.keyvault",
    "Model": "data.model",
    "MpiConfiguration": "configuration.runconfig",
    "OutputFileDatasetConfig": "data.consumption",
    "PyTorch": "training.frameworks",
    "PyTorchConfiguration": "configuration.runconfig",
    "RemoteCompute": "compute.remote",
    "Run": "runs.run",
    "RunConfiguration": "configuration.runconfig",
    "SKLearn": "training.frameworks",
    "ScriptRun": "runs.run",
    "ScriptRunConfig": "training.script_run_config",
    "TabularDataset": "data.dataset",
    "TensorFlow": "training.frameworks",
    "TensorflowConfiguration": "configuration.runconfig",
    "Workspace": "workspace.workspace",
    "get_run": "runs.run",
    "hyperdrive": "hyperdrive",
}

__all__ = [
    "AmlCompute",
    "BatchAiCompute",
    "Chainer",
    "ComputeTarget",
    "CondaDependencies",
    "ContainerRegistry",
    "DataPath",
    "DataReference",
    "DataReferenceConfiguration",
    "Dataset",
    "DatasetConsumptionConfig",
    "Datastore",
    "DockerConfiguration",
    "Environment",
    "Estimator",
    "Experiment",
    "FileDataset",
    "Keyvault",
    "Model",
    "MpiConfiguration",
    "OutputFileDatasetConfig",
    "PyTorch",
    "PyTorchConfiguration",
    "RemoteCompute",
    "Run",
    "RunConfiguration",
    "SKLearn",
    "ScriptRun",
    "ScriptRunConfig",
    "TabularDataset",
    "TensorFlow",
    "TensorflowConfiguration",
    "Workspace",
    "__version__",
    "get_run",
    "hyperdrive",
]


def __getattr__(name: str) -> object:
    """Import the module in which ``name`` lives, at its first use."""
    if name not in _HOME:
        from trainshed.errors import did_you_mean

        hint = "" if name.startswith("_") else did_you_mean(name, __all__)
        raise AttributeError(f"module 'trainshed' has no attribute '{name}'.{hint}")
    from importlib import import_module

    module = import_module(f"trainshed.api.{_HOME[name]}")
    value = module if name == _HOME[name] else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
