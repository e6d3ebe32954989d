"""Estimators that install a framework: PyTorch, TensorFlow, Chainer and SKLearn."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from trainshed.api.checks import check_names, check_types, types_of
from trainshed.api.configuration.framework_versions import FRAMEWORKS, Choice, choose, loosened, replacement, supported
from trainshed.api.training.estimator import Estimator
from trainshed.api.training.estimator_base import MMLBaseEstimator, configure
from trainshed.api.training.estimator_checks import check
from trainshed.api.training.script_params import add_arguments
from trainshed.client.notice import warn
from trainshed.errors import TrainingException

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from trainshed.api.configuration.conda_dependencies import CondaDependencies
    from trainshed.api.training.estimator_checks import Parameters

_COUNTS = {"worker_count": (int,), "parameter_server_count": (int,)}
_TYPES = {**types_of(inspect.unwrap(Estimator.__init__)), **_COUNTS, "framework_version": (str,)}
_BUILT_ELSEWHERE = ("environment_definition", "conda_dependencies_file", "user_managed")
_ONE_NODE = (
    "node_count",
    "process_count_per_node",
    "distributed_backend",
    "distributed_training",
    "use_gpu",
    "custom_docker_base_image",
    "source_directory_data_store",
)


class _FrameworkBaseEstimator(MMLBaseEstimator):
    """Base class of the framework estimators. Subclasses set only class attributes."""

    _FRAMEWORK = ""
    _MORE: Mapping[str, Any] = {}
    _LESS: tuple[str, ...] = ()
    _defaults: Mapping[str, Any] = {}

    def __init_subclass__(cls) -> None:
        """Set the subclass's signature: Estimator's parameters, plus ``_MORE``, minus ``_LESS``."""
        inherited = inspect.signature(Estimator).parameters
        defaults = {name: parameter.default for name, parameter in inherited.items() if name not in cls._LESS}
        defaults.pop("source_directory")
        cls._defaults = {**defaults, **cls._MORE, "framework_version": None, "_enable_optimized_mode": False}
        if "__init__" not in vars(cls):
            keywords = [
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
                for name, default in cls._defaults.items()
            ]
            cls.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
                [inherited["source_directory"], *keywords]
            )

    def __init__(self, source_directory: str | os.PathLike[str], **given: Unpack[Parameters]) -> None:
        owner = type(self).__name__
        check_names(owner, given, self._defaults)
        check_types(owner, {"source_directory": source_directory, **given}, _TYPES, TrainingException)
        params = cast("Parameters", {**self._defaults, **given})
        choice = choose(self._FRAMEWORK, params["framework_version"])
        self._framework_version = choice.version
        config = configure(source_directory, check(owner, params, self._SUPPORTED_BACKENDS))
        inputs, resume_from = params["inputs"], params["resume_from"]
        config.arguments = add_arguments(config._references(), params["script_params"], inputs, resume_from)
        self._begin(source_directory, config, inputs, resume_from)
        if not any(params.get(name) for name in _BUILT_ELSEWHERE):
            self._add_framework(choice, params["framework_version"])

    def _add_framework(self, choice: Choice, version: str | None) -> None:
        """Add the framework's packages. Packages listed by the user take precedence."""
        framework, packages = FRAMEWORKS[self._FRAMEWORK], self.conda_dependencies
        user_version = bool(_names(packages) & {framework.package, *framework.also})
        python = packages.get_python_version()
        note = "" if user_version else replacement(self._FRAMEWORK, version, python)
        loose = self._loosen(packages) if note else {}
        added = framework.beside if user_version else choice.requirements
        # Limits that the replacement needs hold for packages of which only a minimum is left, too.
        listed = _names(packages) - {_name(each) for each in loose.values() if _name(each) not in framework.beside}
        packages.set_pip_requirements([*packages.pip_packages, *(each for each in added if _name(each) not in listed)])
        if choice.pythons and not user_version and python is None:
            packages.add_conda_package(f"python{choice.pythons}")
        if note:
            notes = [
                f"{each} belongs to a replaced release of {self._FRAMEWORK}; {loose[each]} is used." for each in loose
            ]
            self.run_config.environment._notes = (note, *notes)
            warn(" ".join([note, *notes]))

    def _loosen(self, packages: CondaDependencies) -> dict[str, str]:
        """Make exact versions that belong to the replaced release minimums. Returns them: package → package."""
        pip = [(each, loosened(self._FRAMEWORK, each)) for each in packages.pip_packages]
        conda = [(each, loosened(self._FRAMEWORK, each)) for each in packages.conda_packages]
        packages.set_pip_requirements([after for _, after in pip])
        for _, after in conda:
            packages.add_conda_package(after)
        return {before: after for before, after in (*pip, *conda) if before is not after}

    @property
    def framework_version(self) -> str:
        """Requested version of the framework, or SDK v1's default."""
        return self._framework_version

    @classmethod
    def get_supported_versions(cls) -> list[str]:
        """Return the versions supported by SDK v1 and their replacements. Any later release is supported, too."""
        return supported(cls._FRAMEWORK)


class PyTorch(_FrameworkBaseEstimator):
    """An estimator that installs PyTorch.

    Args:
        source_directory: folder with the script.
        framework_version: 1.0 to 1.6, as in SDK v1, or any later release. A version that cannot be installed on the
            run's Python is replaced by the nearest one that can, with a warning.
        distributed_training: ``PyTorchConfiguration("Nccl")``, ``PyTorchConfiguration("Gloo")`` or
            ``MpiConfiguration()``.
        distributed_backend: deprecated: ``"nccl"``, ``"gloo"`` or ``"mpi"``.

    The other parameters are those of :class:`Estimator`.

    Example:
        >>> est = PyTorch("./src", compute_target="local", entry_script="train.py", framework_version="2.13.0")
        >>> list(est.conda_dependencies.pip_packages)
        ['azureml-defaults', 'torch==2.13.0', 'torchvision', 'tensorboard']
    """

    _FRAMEWORK = "PyTorch"
    _SUPPORTED_BACKENDS = ("mpi", "gloo", "nccl")


class TensorFlow(_FrameworkBaseEstimator):
    """An estimator that installs TensorFlow.

    Args:
        source_directory: folder with the script.
        framework_version: 1.10 to 2.3, as in SDK v1, or any later release; see :class:`PyTorch`.
        distributed_training: ``TensorflowConfiguration(worker_count, parameter_server_count)`` or
            ``MpiConfiguration()``.
        distributed_backend: deprecated: ``"ps"`` or ``"mpi"``.
        worker_count: number of workers for ``"ps"``.
        parameter_server_count: number of parameter servers for ``"ps"``.

    The other parameters are those of :class:`Estimator`.

    Example:
        >>> TensorFlow("./src", compute_target="local", framework_version="2.20").framework_version
        '2.20'
    """

    _FRAMEWORK = "TensorFlow"
    _SUPPORTED_BACKENDS = ("mpi", "ps")
    _MORE = MappingProxyType({"worker_count": 1, "parameter_server_count": 1})


class Chainer(_FrameworkBaseEstimator):
    """An estimator that installs Chainer.

    Args:
        source_directory: folder with the script.
        framework_version: 5.1.0 or 7.0.0, as in SDK v1, or a later release (the last one is 7.8); see
            :class:`PyTorch`.

    The other parameters are those of :class:`Estimator`.

    Example:
        >>> Chainer("./src", compute_target="local", framework_version="7.8").framework_version
        '7.8'
    """

    _FRAMEWORK = "Chainer"


class SKLearn(_FrameworkBaseEstimator):
    """An estimator that installs scikit-learn. It runs one process on one node.

    Args:
        source_directory: folder with the script.
        framework_version: 0.20.3, as in SDK v1, or any later release; see :class:`PyTorch`.

    The other parameters are those of :class:`Estimator`, except for those that concern several nodes or GPUs.

    Example:
        >>> list(SKLearn("./src", compute_target="local", framework_version="1.7").conda_dependencies.pip_packages)
        ['azureml-defaults', 'scikit-learn==1.7.*']
    """

    _FRAMEWORK = "SKLearn"
    _LESS = _ONE_NODE


def _names(packages: CondaDependencies) -> set[str]:
    return {_name(each) for each in (*packages.pip_packages, *packages.conda_packages)}


def _name(package: str) -> str:
    """Return the normalized package name of a pip requirement or conda spec."""
    return re.split(r"[\s\[<>=!~;@(]", package.rpartition("::")[2], maxsplit=1)[0].lower().replace("_", "-")
