"""Base class of estimators, and conversion of their parameters to run configurations."""

from __future__ import annotations

import os

from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.api.configuration.distribution import from_backend
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig import ON_DEMAND, RunConfiguration, Submission
from trainshed.api.configuration.runconfig_sections import DEFAULT_GPU_IMAGE, DockerConfiguration
from trainshed.api.training.script_params import add_arguments
from trainshed.errors import TYPE_CHECKING, TrainingException, UserErrorException, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from trainshed.api.protocols import TargetLike
    from trainshed.api.training.estimator_checks import Parameters

_OVERRIDES = ("script_params", "inputs", "source_directory_data_store")


class MMLBaseEstimatorRunConfig(RunConfiguration):
    """Run configuration of an estimator. The class exists for compatibility with SDK v1."""


class MMLBaseEstimator:
    """Base class of all estimators, including custom ones.

    Args:
        source_directory: folder with the script.
        compute_target: compute target or its name.
        estimator_config: run configuration. Default: a new one.

    Example:
        >>> MMLBaseEstimator("./src", compute_target="local").run_config.target
        'local'
    """

    _SUPPORTED_BACKENDS: tuple[str, ...] = ("mpi",)

    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        *,
        compute_target: TargetLike | str,
        estimator_config: RunConfiguration | None = None,
    ) -> None:
        self._begin(source_directory, estimator_config or MMLBaseEstimatorRunConfig())
        self._run_config.target = _target(compute_target)

    def _begin(
        self,
        source_directory: str | os.PathLike[str],
        config: RunConfiguration,
        inputs: Sequence[Any] | None = None,
        resume_from: Any = None,
    ) -> None:
        self._source_directory = os.fspath(source_directory)
        self._run_config = config
        self._inputs = list(inputs or ())
        self._resume_from = resume_from

    @property
    def source_directory(self) -> str:
        """Folder with the script, as passed to the constructor."""
        return self._source_directory

    @property
    def run_config(self) -> RunConfiguration:
        """Run configuration, which can be modified before submission."""
        return self._run_config

    _estimator_config = run_config
    """Programs written for SDK v1 also use this private name."""

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """Packages of the environment."""
        return self._run_config.environment.python.conda_dependencies

    def _submission(self, overrides: Mapping[str, Any]) -> Submission:
        """Return the source folder and run configuration, with the overrides of this submit applied."""
        for name in overrides:
            if name not in _OVERRIDES:
                raise TrainingException(
                    f"submit() accepts {', '.join(_OVERRIDES)}, priority and slots for an {type(self).__name__}, "
                    f"not '{name}'.{did_you_mean(name, _OVERRIDES)}"
                )
        if not overrides:
            return Submission(self._source_directory, self._run_config)

        config = self._run_config._copy()
        config.data_references, config.data = dict(config.data_references), dict(config.data)
        config.output_data = dict(config.output_data)
        if "source_directory_data_store" in overrides:
            config.source_directory_data_store = _name(overrides["source_directory_data_store"])
        inputs = [*self._inputs, *(overrides.get("inputs") or ())]
        if "script_params" in overrides:
            config.arguments = add_arguments(
                config._references(), overrides["script_params"], inputs, self._resume_from
            )
        else:
            add_arguments(config._references(), {}, inputs, None)
        return Submission(self._source_directory, config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(source_directory={self._source_directory!r}, target={self._run_config.target!r})"


def configure(source_directory: str | os.PathLike[str], params: Parameters) -> RunConfiguration:
    """Create a run configuration, without script arguments, from validated parameters.

    Raises:
        TrainingException: the compute target or distributed training configuration has the wrong type.
        UserErrorException: a package file cannot be read.
    """
    config = MMLBaseEstimatorRunConfig(script=os.fspath(params["entry_script"] or "train.py"))
    config.target = _target(params["compute_target"])
    config.amlcompute.vm_size, config.amlcompute.vm_priority = params["vm_size"], params["vm_priority"]
    config.node_count = params["node_count"]
    config.max_run_duration_seconds = params["max_run_duration_seconds"]
    config.source_directory_data_store = _name(params["source_directory_data_store"])
    config.environment_variables = dict(params["environment_variables"] or {})
    config.docker = DockerConfiguration(use_docker=params["use_docker"], shm_size=params["shm_size"] or "2g")
    config._use_gpu = params["use_gpu"]
    processes = config.mpi.process_count_per_node = params["process_count_per_node"]
    distributed = params["distributed_training"] or from_backend(
        params["distributed_backend"], processes, params["worker_count"], params["parameter_server_count"]
    )
    config._distribute(distributed, "distributed_training", TrainingException)
    config.environment = params["environment_definition"] or _environment(params, os.fspath(source_directory))
    return config


def _target(target: Any) -> str:
    if target is None:
        return ON_DEMAND
    name = target if isinstance(target, str) else getattr(target, "name", None)
    if not isinstance(name, str):
        raise TrainingException(
            f"compute_target must be a compute target or its name, not {type(target).__name__} ({target!r})."
        )
    return name


def _name(datastore: Any) -> str | None:
    return None if datastore is None else str(getattr(datastore, "name", datastore))


def _environment(params: Parameters, folder: str) -> Environment:
    """Create the environment defined by the parameters."""
    environment = Environment("default-environment")
    if params["conda_dependencies_file"] is not None:
        path = _inside(folder, params["conda_dependencies_file"], "conda_dependencies_file")
        environment.python.conda_dependencies = CondaDependencies(path)
    else:
        environment.python.conda_dependencies = CondaDependencies.create(
            conda_packages=params["conda_packages"], pip_packages=params["pip_packages"]
        )
    if params["pip_requirements_file"] is not None:
        path = _inside(folder, params["pip_requirements_file"], "pip_requirements_file")
        environment.python.conda_dependencies.add_requirements_file(path)
    environment.python.user_managed_dependencies = params["user_managed"]
    if params["use_gpu"]:
        environment.docker.base_image = DEFAULT_GPU_IMAGE
    if params["custom_docker_image"] is not None:
        environment.docker.base_image = params["custom_docker_image"]
    if params["image_registry_details"] is not None:
        environment.docker.base_image_registry = params["image_registry_details"]
    return environment


def _inside(folder: str, file: str | os.PathLike[str], parameter: str) -> str:
    """Return the path of a package file, relative to the source folder or to the current folder."""
    for path in (os.path.join(folder, file), os.fspath(file)):
        if os.path.isfile(path):
            return path
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    raise UserErrorException(
        f"{parameter}: there is no file '{os.fspath(file)}' in {folder}.{did_you_mean(os.fspath(file), names)}"
    )
