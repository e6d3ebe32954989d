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

__version__ = version.VERSION

# Checkers and editors read __init__.pyi, which lists the same names.
_HOME = {
    "AmlCompute": "compute.cluster",
    "BatchAiCompute": "compute.cluster",
    "Chainer": "training.frameworks",
    "ComputeTarget": "compute.compute",
    "CondaDependencies": "configuration.conda_dependencies",
    "ContainerRegistry": "configuration.runconfig_sections",
    "DataPath": "data.data_reference",
    "DataReference": "data.data_reference",
    "DataReferenceConfiguration": "data.data_reference",
    "DataType": "data.column_types",
    "Dataset": "data.dataset",
    "DatasetConsumptionConfig": "data.consumption",
    "Datastore": "data.datastore",
    "DockerConfiguration": "configuration.runconfig_sections",
    "Environment": "configuration.environment",
    "Estimator": "training.estimator",
    "Experiment": "runs.experiment",
    "FileDataset": "data.dataset",
    "Keyvault": "workspace.keyvault",
    "Model": "data.model",
    "MpiConfiguration": "configuration.runconfig_sections",
    "OutputFileDatasetConfig": "data.consumption",
    "PyTorch": "training.frameworks",
    "PyTorchConfiguration": "configuration.runconfig_sections",
    "RemoteCompute": "compute.remote",
    "Run": "runs.run",
    "RunConfiguration": "configuration.runconfig",
    "SKLearn": "training.frameworks",
    "ScriptRun": "runs.run",
    "ScriptRunConfig": "training.script_run_config",
    "SlurmCompute": "compute.slurm",
    "SshCompute": "compute.remote",
    "TabularDataset": "data.dataset",
    "TensorFlow": "training.frameworks",
    "TensorflowConfiguration": "configuration.runconfig_sections",
    "Workspace": "workspace.workspace",
    "get_run": "runs.run",
    "hyperdrive": "hyperdrive",
}

__all__ = [*_HOME, "__version__"]  # noqa: PLE0604 - text all the same
__all__.sort()


def __getattr__(name: str) -> object:
    """Import the module in which ``name`` lives, at its first use."""
    if name not in _HOME:
        from trainshed.errors import did_you_mean

        hint = "" if name.startswith("_") else did_you_mean(name, __all__)
        raise AttributeError(f"module 'trainshed' has no attribute '{name}'.{hint}")
    import sys  # not importlib, which takes as long as an eighth of Python's own start

    path = f"trainshed.api.{_HOME[name]}"
    __import__(path)
    module = sys.modules[path]
    value = module if name == _HOME[name] else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
