"""Estimators that bring their framework along: PyTorch, TensorFlow, Chainer and SKLearn."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from trainshed.api.checks import check_names, check_types, types_of
from trainshed.api.training.estimator import Estimator
from trainshed.api.training.estimator_base import MMLBaseEstimator, configure
from trainshed.api.training.estimator_checks import check
from trainshed.api.training.framework_versions import FRAMEWORKS, Choice, choose, supported
from trainshed.api.training.script_params import add_arguments
from trainshed.client.notice import warn
from trainshed.errors import TrainingException

if TYPE_CHECKING:
    from typing_extensions import Unpack

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
    """What the frameworks' estimators have in common; a new one is a class with a few names."""

    _FRAMEWORK = ""
    _MORE: Mapping[str, Any] = {}
    _LESS: tuple[str, ...] = ()
    _defaults: Mapping[str, Any] = {}

    def __init_subclass__(cls) -> None:
        """Give the class the parameters of an Estimator, with some more and some less."""
        usual = inspect.signature(Estimator).parameters
        own = {name: one.default for name, one in usual.items() if name not in cls._LESS}
        own.pop("source_directory")
        cls._defaults = {**own, **cls._MORE, "framework_version": None, "_enable_optimized_mode": False}
        if "__init__" not in vars(cls):
            keywords = [
                inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
                for name, default in cls._defaults.items()
            ]
            cls.__signature__ = inspect.Signature([usual["source_directory"], *keywords])  # type: ignore[attr-defined]

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
            self._bring(choice)

    def _bring(self, choice: Choice) -> None:
        """Add the framework's packages to the user's; what the user asks for by name goes before ours."""
        framework, packages = FRAMEWORKS[self._FRAMEWORK], self.conda_dependencies
        theirs = {_name(each) for each in (*packages.pip_packages, *packages.conda_packages)}
        named = bool(theirs & {framework.package, *framework.also})
        wanted = framework.beside if named else choice.requirements
        packages.set_pip_requirements([*packages.pip_packages, *(each for each in wanted if _name(each) not in theirs)])
        if choice.pythons and not named and packages.get_python_version() is None:
            packages.add_conda_package(f"python{choice.pythons}")
        if choice.note and not named:
            self.run_config.environment._notes = (choice.note,)
            warn(choice.note)

    @property
    def framework_version(self) -> str:
        """The framework's version that was asked for, or v1's default."""
        return self._framework_version

    @classmethod
    def get_supported_versions(cls) -> list[str]:
        """Return the versions that v1 supported and those that stand for them today; any later release will do too."""
        return supported(cls._FRAMEWORK)


class PyTorch(_FrameworkBaseEstimator):
    """An estimator that brings PyTorch along.

    Args:
        source_directory: folder with the script.
        framework_version: a version of v1 (1.0 to 1.6; the nearest release that installs is taken, and the run says
            so), or any later release, which is then that very one.
        distributed_training: ``PyTorchConfiguration("Nccl")`` or ``("Gloo")``, or ``MpiConfiguration()``.
        distributed_backend: former way to say it: ``"nccl"``, ``"gloo"`` or ``"mpi"``.

    All else is as with :class:`Estimator`.

    Example:
        >>> est = PyTorch("./src", compute_target="local", entry_script="train.py", framework_version="2.13.0")
        >>> list(est.conda_dependencies.pip_packages)
        ['azureml-defaults', 'torch==2.13.0', 'torchvision', 'tensorboard']
    """

    _FRAMEWORK = "PyTorch"
    _SUPPORTED_BACKENDS = ("mpi", "gloo", "nccl")


class TensorFlow(_FrameworkBaseEstimator):
    """An estimator that brings TensorFlow along.

    Args:
        source_directory: folder with the script.
        framework_version: a version of v1 (1.10 to 2.3; see :class:`PyTorch`), or any later release.
        distributed_training: ``TensorflowConfiguration(worker_count, parameter_server_count)`` or
            ``MpiConfiguration()``.
        distributed_backend: former way to say it: ``"ps"`` or ``"mpi"``.
        worker_count: workers for ``"ps"``.
        parameter_server_count: parameter servers for ``"ps"``.

    All else is as with :class:`Estimator`.

    Example:
        >>> TensorFlow("./src", compute_target="local", framework_version="2.20").framework_version
        '2.20'
    """

    _FRAMEWORK = "TensorFlow"
    _SUPPORTED_BACKENDS = ("mpi", "ps")
    _MORE = MappingProxyType({"worker_count": 1, "parameter_server_count": 1})


class Chainer(_FrameworkBaseEstimator):
    """An estimator that brings Chainer along, whose last release is 7.8.

    Args:
        source_directory: folder with the script.
        framework_version: 5.1.0 or 7.0.0 (see :class:`PyTorch`), or a later release.

    All else is as with :class:`Estimator`.

    Example:
        >>> Chainer("./src", compute_target="local", framework_version="7.8").framework_version
        '7.8'
    """

    _FRAMEWORK = "Chainer"


class SKLearn(_FrameworkBaseEstimator):
    """An estimator that brings scikit-learn along, for one process on one node.

    Args:
        source_directory: folder with the script.
        framework_version: 0.20.3 (see :class:`PyTorch`), or a later release.

    All else is as with :class:`Estimator`, which has parameters for several nodes and GPUs besides.

    Example:
        >>> list(SKLearn("./src", compute_target="local", framework_version="1.7").conda_dependencies.pip_packages)
        ['azureml-defaults', 'scikit-learn==1.7.*']
    """

    _FRAMEWORK = "SKLearn"
    _LESS = _ONE_NODE


def _name(package: str) -> str:
    """Return the name that a requirement or a conda spec begins with, comparable."""
    return re.split(r"[\s\[<>=!~;@(]", package.rpartition("::")[2], maxsplit=1)[0].lower().replace("_", "-")
