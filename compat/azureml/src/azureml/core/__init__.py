"""azureml.core."""

from importlib import import_module

VERSION = "1.61.0"
__version__ = VERSION

TYPE_CHECKING = False  # as good as typing's to checkers and editors, without importing it
if TYPE_CHECKING:
    from trainshed.api.compute.compute import ComputeTarget
    from trainshed.api.configuration.runconfig import ContainerRegistry, Environment, RunConfiguration
    from trainshed.api.data.dataset import Dataset
    from trainshed.api.data.datastore import Datastore
    from trainshed.api.data.model import Model
    from trainshed.api.diagnostics import diagnostic_log
    from trainshed.api.legacy_compute import (
        attach_legacy_compute_target,
        is_compute_target_prepared,
        prepare_compute_target,
        remove_legacy_compute_target,
    )
    from trainshed.api.runs.experiment import Experiment
    from trainshed.api.runs.run import Run, ScriptRun, get_run
    from trainshed.api.serving import (
        Image,
        LinkedService,
        PrivateEndPoint,
        PrivateEndPointConfig,
        SynapseWorkspaceLinkedServiceConfiguration,
        Webservice,
    )
    from trainshed.api.training.script_run_config import ScriptRunConfig
    from trainshed.api.workspace.keyvault import Keyvault
    from trainshed.api.workspace.workspace import Workspace

_HOME = {
    "ComputeTarget": "compute.compute",
    "ContainerRegistry": "configuration.runconfig",
    "Dataset": "data.dataset",
    "Datastore": "data.datastore",
    "Environment": "configuration.environment",
    "Experiment": "runs.experiment",
    "Image": "serving",
    "Keyvault": "workspace.keyvault",
    "LinkedService": "serving",
    "Model": "data.model",
    "PrivateEndPoint": "serving",
    "PrivateEndPointConfig": "serving",
    "Run": "runs.run",
    "RunConfiguration": "configuration.runconfig",
    "ScriptRun": "runs.run",
    "ScriptRunConfig": "training.script_run_config",
    "SynapseWorkspaceLinkedServiceConfiguration": "serving",
    "Webservice": "serving",
    "Workspace": "workspace.workspace",
    "attach_legacy_compute_target": "legacy_compute",
    "diagnostic_log": "diagnostics",
    "get_run": "runs.run",
    "is_compute_target_prepared": "legacy_compute",
    "prepare_compute_target": "legacy_compute",
    "remove_legacy_compute_target": "legacy_compute",
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
    "LinkedService",
    "Model",
    "PrivateEndPoint",
    "PrivateEndPointConfig",
    "Run",
    "RunConfiguration",
    "ScriptRun",
    "ScriptRunConfig",
    "SynapseWorkspaceLinkedServiceConfiguration",
    "Webservice",
    "Workspace",
    "attach_legacy_compute_target",
    "diagnostic_log",
    "get_run",
    "is_compute_target_prepared",
    "prepare_compute_target",
    "remove_legacy_compute_target",
]


def __getattr__(name: str) -> object:
    """Import a name at its first use: 'from azureml.core import Workspace' needs no estimator."""
    if name not in _HOME:
        raise AttributeError(f"module 'azureml.core' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(f"trainshed.api.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
