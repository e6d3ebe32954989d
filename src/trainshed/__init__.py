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
    from trainshed.api import hyperdrive
    from trainshed.api.cluster import AmlCompute, BatchAiCompute
    from trainshed.api.compute import ComputeTarget
    from trainshed.api.conda_dependencies import CondaDependencies
    from trainshed.api.consumption import DatasetConsumptionConfig, OutputFileDatasetConfig
    from trainshed.api.data_reference import DataPath, DataReference
    from trainshed.api.dataset import Dataset
    from trainshed.api.datastore import Datastore
    from trainshed.api.environment import Environment
    from trainshed.api.estimator import Estimator
    from trainshed.api.experiment import Experiment
    from trainshed.api.file_dataset import FileDataset
    from trainshed.api.frameworks import Chainer, PyTorch, SKLearn, TensorFlow
    from trainshed.api.keyvault import Keyvault
    from trainshed.api.model import Model
    from trainshed.api.other_compute import RemoteCompute
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
    from trainshed.api.tabular import TabularDataset
    from trainshed.api.workspace import Workspace

__version__ = version.VERSION

_HOME = {
    "AmlCompute": "cluster",
    "BatchAiCompute": "cluster",
    "Chainer": "frameworks",
    "ComputeTarget": "compute",
    "CondaDependencies": "conda_dependencies",
    "ContainerRegistry": "runconfig",
    "DataPath": "data_reference",
    "DataReference": "data_reference",
    "DataReferenceConfiguration": "runconfig",
    "Dataset": "dataset",
    "DatasetConsumptionConfig": "consumption",
    "Datastore": "datastore",
    "DockerConfiguration": "runconfig",
    "Environment": "environment",
    "Estimator": "estimator",
    "Experiment": "experiment",
    "FileDataset": "file_dataset",
    "Keyvault": "keyvault",
    "Model": "model",
    "MpiConfiguration": "runconfig",
    "OutputFileDatasetConfig": "consumption",
    "PyTorch": "frameworks",
    "PyTorchConfiguration": "runconfig",
    "RemoteCompute": "other_compute",
    "Run": "run",
    "RunConfiguration": "runconfig",
    "SKLearn": "frameworks",
    "ScriptRun": "run",
    "ScriptRunConfig": "script_run_config",
    "TabularDataset": "tabular",
    "TensorFlow": "frameworks",
    "TensorflowConfiguration": "runconfig",
    "Workspace": "workspace",
    "get_run": "run",
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
