"""SDK v1's module ``azureml.core``."""

from importlib import import_module

from azureml import _made

VERSION = "1.61.0"
__version__ = VERSION

TYPE_CHECKING = False  # type checkers treat this like typing.TYPE_CHECKING, without the import
if TYPE_CHECKING:
    from trainshed.api.compute.compute import ComputeTarget
    from trainshed.api.configuration.environment import Environment
    from trainshed.api.configuration.runconfig import RunConfiguration
    from trainshed.api.configuration.runconfig_sections import ContainerRegistry
    from trainshed.api.data.dataset import Dataset
    from trainshed.api.data.datastore import Datastore
    from trainshed.api.data.model import Model
    from trainshed.api.deployment.image import Image
    from trainshed.api.deployment.webservice import Webservice
    from trainshed.api.diagnostics import diagnostic_log
    from trainshed.api.runs.experiment import Experiment
    from trainshed.api.runs.run import Run, ScriptRun, get_run
    from trainshed.api.training.script_run_config import ScriptRunConfig
    from trainshed.api.workspace.keyvault import Keyvault
    from trainshed.api.workspace.workspace import Workspace

_HOME = {
    "ComputeTarget": "compute.compute",
    "ContainerRegistry": "configuration.runconfig_sections",
    "Dataset": "data.dataset",
    "Datastore": "data.datastore",
    "Environment": "configuration.environment",
    "Experiment": "runs.experiment",
    "Image": "deployment.image",
    "Keyvault": "workspace.keyvault",
    "Model": "data.model",
    "Run": "runs.run",
    "RunConfiguration": "configuration.runconfig",
    "ScriptRun": "runs.run",
    "ScriptRunConfig": "training.script_run_config",
    "Webservice": "deployment.webservice",
    "Workspace": "workspace.workspace",
    "diagnostic_log": "diagnostics",
    "get_run": "runs.run",
}

__all__ = [
    "VERSION",
    "ComputeTarget",
    "ContainerRegistry",
    "Dataset",
    "Datastore",
    "Environment",
    "Experiment",
    "Image",
    "Keyvault",
    "Model",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "Webservice",
    "Workspace",
    "diagnostic_log",
    "get_run",
    "is_compute_target_prepared",
    *_made.names("core"),
]


def __getattr__(name: str) -> object:
    """Import names on first use, so that 'from azureml.core import Workspace' does not import estimators."""
    if name == "is_compute_target_prepared":
        value = import_module("azureml.core.compute_target").is_compute_target_prepared
    elif name in _HOME:
        value = _made.equip(getattr(import_module(f"trainshed.api.{_HOME[name]}"), name))
        if name == "Dataset":
            import_module("azureml.data.dataset_factory")  # adds v1's members to Dataset.Tabular
    else:
        value = _made.find("core", name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
