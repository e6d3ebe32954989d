"""Modules of SDK v1 that have no file here: whole packages that are not supported, and modules of the table.

They can be imported, and so can every name in them; using one raises a sentence that says what to do instead. To add a
package, add it to ``FAMILIES``.
"""

from __future__ import annotations

import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from azureml import _cloud_only
from azureml._cloud_only import Row

_AUTOML = "search for the best model in a script of your own, with a library of your choice"
_EXPLAIN = "use interpret-community or shap in the script, and upload their results with run.upload_file"
_PIPELINE = "submit each step as a run and wait for it: run.wait_for_completion()"
_PRIVATE = "use the public classes of azureml.core"
_SERVE = _cloud_only.SERVE

_PRIVATE_PACKAGES = (
    "_async _base_sdk_common _cli _common _execution _file_utils _history _html _logging _model_management _project "
    "_restclient _run_impl _tracing _vendor _workspace train._estimator_helper train.restclients"
)

FAMILIES = {
    **dict.fromkeys(_PRIVATE_PACKAGES.split(), _PRIVATE),
    "accel": _SERVE,
    "api": _SERVE,
    "automl": _AUTOML,
    "contrib": "use the packages that this preview was made of, in the script",
    "contrib.automl": _AUTOML,
    "contrib.brainwave": _SERVE,
    "contrib.datadrift": "compare the data in a script of your own",
    "contrib.explain": _EXPLAIN,
    "contrib.fairness": "use fairlearn in the script, and upload its results with run.upload_file",
    "contrib.functions": _SERVE,
    "contrib.interpret": _EXPLAIN,
    "contrib.mir": _SERVE,
    "contrib.notebook": "a notebook can be the script itself: ScriptRunConfig(folder, script='notebook.ipynb')",
    "contrib.pipeline": _PIPELINE,
    "contrib.run": "use mlflow itself: mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())",
    "contrib.server": _SERVE,
    "contrib.train": "submit the training script with an Estimator or a ScriptRunConfig",
    "datadrift": "compare the data in a script of your own",
    "dataprep": "read files with pandas, or with Dataset.Tabular and Dataset.File",
    "designer": _PIPELINE,
    "explain": _EXPLAIN,
    "fairness": "use fairlearn in the script, and upload its results with run.upload_file",
    "interpret": _EXPLAIN,
    "mlflow": "use mlflow itself: mlflow.set_tracking_uri(ws.get_mlflow_tracking_uri())",
    "opendatasets": "only MNIST and Diabetes are available; pass addresses of other files to Dataset.Tabular",
    "pipeline": _PIPELINE,
    "responsibleai": "use the responsibleai package in the script, and upload its results with run.upload_file",
    "studio": _PIPELINE,
    "telemetry": "no telemetry is collected; only set_diagnostics_collection exists, and does nothing",
    "train.automl": _AUTOML,
}
"""Package in ``azureml`` → alternative. It covers the package's subpackages, unless they have a line of their own."""


def family(module: str) -> str:
    """Return the unsupported package that a module belongs to, or an empty string.

    Args:
        module: name of the module in ``azureml``, e.g. ``"pipeline.steps"``.

    Example:
        >>> family("train.automl.run")
        'train.automl'
    """
    while module not in FAMILIES and module:
        module = module.rpartition(".")[0]
    return module


def find_spec(name: str) -> ModuleSpec | None:
    """Return the spec of a module without a file, or None if SDK v1 had no such module.

    Args:
        name: full name of the module.
    """
    module = name.partition(".")[2]
    root, (parent, _, last) = family(module), module.rpartition(".")
    if last[:1].isupper():
        return None  # the name of a class, which a package with files may have
    inside = parent == root or isinstance(sys.modules[name.rpartition(".")[0]].__loader__, _Loader)
    if root and (module == root or inside):
        return ModuleSpec(name, _Loader(), is_package=True)
    if any(module in row.modules.split() for row in _cloud_only.ROWS):
        return ModuleSpec(name, _Loader())
    return None


class Module(ModuleType):
    """A module whose names are created on demand."""

    def __getattr__(self, name: str) -> Any:
        from azureml import _made

        module = self.__name__.partition(".")[2]
        root = family(module)
        # Names of protocols (_repr_html_) are asked for by Python and notebooks, not by programs.
        if not root or name.startswith("__") or (name.startswith("_") and name.endswith("_")):
            return _made.find(module, name)
        base = "(AzureMLException)" if name.endswith(("Error", "Exception")) else ""
        made = _made.make(Row(module, name + base, "", FAMILIES[root]))
        setattr(self, name, made)
        return made


class _Loader(Loader):
    """Creates these modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        from azureml import _made

        module = Module(spec.name, f"SDK v1's module ``{spec.name}``.")
        module.__dict__["__all__"] = _made.names(spec.name.partition(".")[2])
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module is complete."""
