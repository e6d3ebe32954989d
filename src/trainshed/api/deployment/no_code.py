"""Scoring script and environment of a model that is deployed without either, by its framework."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.framework_versions import FRAMEWORKS, number_of
from trainshed.api.data.model_files import find_entry
from trainshed.api.deployment.inference_config import InferenceConfig
from trainshed.errors import WebserviceException

if TYPE_CHECKING:
    from trainshed.api.protocols import WorkspaceLike

_FOLDER = Path(__file__).parent
SCIKIT_LEARN, ONNX = "ScikitLearn", "Onnx"
_SCRIPTS = {SCIKIT_LEARN: "score_sklearn.py", ONNX: "score_onnx.py"}
_FIRST_WITH_NUMPY_2 = (1, 4, 2)
_FIRST_WITHOUT_OLD_NAMES = (1, 0)
_PASS = "Pass an inference_config: InferenceConfig(entry_script='score.py', environment=env)."  # noqa: S105 - words


class NoCodeConfig(InferenceConfig):
    """Scoring script of Trainshed's own for the models of a framework, and its environment.

    Args:
        framework: ``"ScikitLearn"`` or ``"Onnx"``.
        version: version of the framework that the model was made with, or None.
    """

    def __init__(self, framework: str, version: str | None) -> None:
        environment = Environment(framework.lower())
        dependencies = _scikit_learn(version) if framework == SCIKIT_LEARN else _packages(["onnxruntime", "numpy"])
        environment.python.conda_dependencies = dependencies
        super().__init__(str(_FOLDER / _SCRIPTS[framework]), environment=environment)

    @property
    def source(self) -> dict[str, Any]:
        """Where the script is, and that it is Trainshed's own."""
        return {**super().source, "no_code": True}


def configuration(workspace: WorkspaceLike, models: list[str]) -> InferenceConfig:
    """Return the scoring script and the environment for a model.

    Args:
        workspace: workspace of the model.
        models: ids of the models, of which there must be one.

    Raises:
        WebserviceException: there are several models, or none; or the model's framework is not known, or there is no
            scoring script for it.
    """
    if len(models) != 1:
        raise WebserviceException(
            f"Without a scoring script, exactly one model can be deployed, not {len(models)}. {_PASS}"
        )
    name, _, version = models[0].rpartition(":")
    record = find_entry(workspace.connection, name, int(version), (None, None, None, None))["record"]
    framework = record.get("framework")
    if framework not in _SCRIPTS:
        was = f"of the framework {framework}" if framework else "registered without model_framework"
        raise WebserviceException(
            f"Model '{models[0]}' is {was}. Without a scoring script, models of scikit-learn and ONNX can be deployed: "
            f"register it with model_framework=Model.Framework.SCIKITLEARN or ONNX. Otherwise: {_PASS}"
        )
    return NoCodeConfig(framework, record.get("framework_version"))


def _scikit_learn(version: str | None) -> CondaDependencies:
    """Return the packages for a pickle of scikit-learn, which only that release is sure to load."""
    if version is None:
        return _packages(["scikit-learn", "pandas"])
    if not re.fullmatch(r"\d+(\.\d+){1,2}", version):
        raise WebserviceException(
            f"The model's model_framework_version is {version!r}; it must be a "
            "release of scikit-learn, such as '1.4.2'."
        )
    packages = [f"scikit-learn=={version}" + ("" if version.count(".") > 1 else ".*"), "pandas"]
    if number_of(version) < _FIRST_WITH_NUMPY_2:
        packages.append("numpy<1.24" if number_of(version) < _FIRST_WITHOUT_OLD_NAMES else "numpy<2")
    return _packages(packages, _python_for(version))


def _python_for(version: str) -> str | None:
    """Return the Python version for which there is a release of scikit-learn; None for that of this process."""
    first = {python: row[0] for python, row in FRAMEWORKS["SKLearn"].oldest.items()}
    here = "{}.{}".format(*sys.version_info)
    fit = [python for python, oldest in first.items() if number_of(oldest) <= number_of(version)]
    return None if here in fit else max(fit, key=number_of, default=min(first, key=number_of))


def _packages(names: list[str], python: str | None = None) -> CondaDependencies:
    dependencies = CondaDependencies.create(pip_packages=names, python_version=python)
    dependencies.remove_pip_package("azureml-defaults")  # many packages, and the script uses none of them
    return dependencies
