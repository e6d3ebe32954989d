"""The estimator: a training script with all it needs, in one object."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.checks import known_keywords
from trainshed.api.conda_dependencies import CondaDependencies
from trainshed.api.data_reference import DataPath, DataReference
from trainshed.api.environment import DEFAULT_GPU_IMAGE, ContainerRegistry, Environment
from trainshed.api.estimator_checks import check
from trainshed.api.runconfig import (
    DataReferenceConfiguration,
    DockerConfiguration,
    MpiConfiguration,
    PyTorchConfiguration,
    RunConfiguration,
    TensorflowConfiguration,
)
from trainshed.api.submission import Submission
from trainshed.api.to_spec import add_reference
from trainshed.errors import TrainingException, UserErrorException, did_you_mean

if TYPE_CHECKING:
    from trainshed.api.compute import ComputeTarget

_OVERRIDES = ("script_params", "inputs", "source_directory_data_store")
_MODEL = "MODEL_LOCATION"


class Estimator:
    """A training script with all it needs; submit it with ``experiment.submit(estimator)``.

    Its ``run_config`` can be read and changed until it is submitted.

    Args:
        source_directory: folder with the script; all of it is sent, less what ``.amlignore`` leaves out.
        compute_target: a target or its name, such as ``"local"``.
        vm_size: accepted; a machine of this size cannot be made here.
        vm_priority: accepted and not used.
        entry_script: Python file in the folder; None: ``train.py``.
        script_params: flag → value, in order. A list stands for several values; None and ``''`` leave the flag alone;
            a data reference stands for its path on the node.
        node_count: how many nodes (≥ 1).
        process_count_per_node: how many processes on each (≥ 1).
        distributed_backend: ``"mpi"``; former way to say ``distributed_training``.
        distributed_training: how several processes find each other, e.g. ``MpiConfiguration()``.
        use_gpu: the script uses a GPU.
        use_docker: a container may be used; without an image nothing asks for one.
        custom_docker_base_image: former name of ``custom_docker_image``.
        custom_docker_image: image to run in.
        image_registry_details: where the image comes from.
        user_managed: build no environment: use the Python there is.
        conda_packages: e.g. ``["scikit-learn"]``.
        pip_packages: e.g. ``["numpy<3"]``.
        conda_dependencies_file_path: former name of ``conda_dependencies_file``.
        pip_requirements_file_path: former name of ``pip_requirements_file``.
        conda_dependencies_file: conda environment file, relative to the folder.
        pip_requirements_file: pip requirements file, relative to the folder.
        environment_variables: set for the script.
        environment_definition: an Environment, instead of all that describes one here.
        inputs: data references that the script uses without an argument.
        source_directory_data_store: accepted and not used.
        shm_size: shared memory of the container, e.g. ``"2g"``.
        resume_from: a DataPath; the script gets it as ``--resume-from``.
        max_run_duration_seconds: the run is ended after so long.

    Raises:
        TypeError: an unknown parameter; the nearest is named.
        TrainingException: parameters that contradict each other, or of a wrong type.
        UserErrorException: a package file that cannot be read, or data of an unknown type.

    Example:
        >>> est = Estimator(
        ...     "./src",
        ...     compute_target="local",
        ...     entry_script="train.py",
        ...     script_params={"--regularization": 0.8},
        ...     conda_packages=["scikit-learn"],
        ... )
        >>> est.run_config.arguments
        ['--regularization', 0.8]
    """

    _SUPPORTED_BACKENDS: tuple[str, ...] = ("mpi",)

    @known_keywords
    def __init__(
        self,
        source_directory: str | os.PathLike[str],
        *,
        compute_target: ComputeTarget | str | None = None,
        vm_size: str | None = None,
        vm_priority: str | None = None,
        entry_script: str | None = None,
        script_params: Mapping[str, Any] | None = None,
        node_count: int = 1,
        process_count_per_node: int = 1,
        distributed_backend: str | None = None,
        distributed_training: Any = None,
        use_gpu: bool = False,
        use_docker: bool = True,
        custom_docker_base_image: str | None = None,
        custom_docker_image: str | None = None,
        image_registry_details: ContainerRegistry | None = None,
        user_managed: bool = False,
        conda_packages: Sequence[str] | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_dependencies_file_path: str | None = None,
        pip_requirements_file_path: str | None = None,
        conda_dependencies_file: str | None = None,
        pip_requirements_file: str | None = None,
        environment_variables: Mapping[str, str] | None = None,
        environment_definition: Environment | None = None,
        inputs: Sequence[Any] | None = None,
        source_directory_data_store: Any = None,
        shm_size: str | None = None,
        resume_from: DataPath | None = None,
        max_run_duration_seconds: int | None = None,
        _disable_validation: bool = True,
        _show_lint_warnings: bool = False,
        _show_package_warnings: bool = False,
    ) -> None:
        params = check(type(self).__name__, {**locals()}, self._SUPPORTED_BACKENDS)
        self._source_directory = os.fspath(source_directory)
        self._script_params = dict(script_params or {})
        self._inputs = list(inputs or ())
        self._resume_from = resume_from
        config = self._run_config = _configuration(params, self._source_directory)
        config.arguments = _arguments(self._script_params, config, self._inputs, resume_from)

    @property
    def source_directory(self) -> str:
        """Folder with the script, as it was given."""
        return self._source_directory

    @property
    def run_config(self) -> RunConfiguration:
        """How the script will run; changes count until it is submitted."""
        return self._run_config

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """The packages of its environment."""
        return self._run_config.environment.python.conda_dependencies

    def _submission(self, overrides: Mapping[str, Any]) -> Submission:
        """Return what to submit: the run configuration, with what was overridden for this submit."""
        for name in overrides:
            if name not in _OVERRIDES:
                raise TrainingException(
                    f"submit() takes {', '.join(_OVERRIDES)}, priority and slots for an {type(self).__name__}, "
                    f"not '{name}'.{did_you_mean(name, _OVERRIDES)}"
                )
        if not overrides:
            return Submission(self._source_directory, self._run_config)
        import copy

        config = copy.copy(self._run_config)
        config.data_references = dict(config.data_references)
        inputs = [*self._inputs, *(overrides.get("inputs") or ())]
        if "script_params" in overrides:
            params = dict(overrides["script_params"] or {})
            config.arguments = _arguments(params, config, inputs, self._resume_from)
        else:
            _arguments({}, config, inputs, None)
        return Submission(self._source_directory, config)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(source_directory={self._source_directory!r}, target={self._run_config.target!r})"


def _configuration(params: Mapping[str, Any], folder: str) -> RunConfiguration:
    """Return the run configuration that the parameters describe, without the script's arguments."""
    config = RunConfiguration(script=os.fspath(params["entry_script"] or "train.py"))
    config.target = _target(params["compute_target"])
    config.amlcompute.vm_size, config.amlcompute.vm_priority = params["vm_size"], params["vm_priority"]
    config.node_count = params["node_count"]
    config.max_run_duration_seconds = params["max_run_duration_seconds"]
    config.source_directory_data_store = _name(params["source_directory_data_store"])
    config.environment_variables = dict(params["environment_variables"] or {})
    config.environment = params["environment_definition"] or _environment(params, folder)
    config.docker = DockerConfiguration(use_docker=params["use_docker"], shm_size=params["shm_size"] or "2g")
    _distribute(config, params)
    return config


def _target(target: Any) -> str:
    if target is None:
        return "amlcompute"
    name = target if isinstance(target, str) else getattr(target, "name", None)
    if not isinstance(name, str):
        raise TrainingException(
            f"compute_target must be a compute target or its name, not {type(target).__name__} ({target!r})."
        )
    return name


def _name(datastore: Any) -> str | None:
    return None if datastore is None else str(getattr(datastore, "name", datastore))


def _environment(params: Mapping[str, Any], folder: str) -> Environment:
    """Return the environment that the parameters describe."""
    made = Environment("default-environment")
    if params["conda_dependencies_file"] is not None:
        path = _inside(folder, params["conda_dependencies_file"], "conda_dependencies_file")
        made.python.conda_dependencies = CondaDependencies(path)
    else:
        made.python.conda_dependencies = CondaDependencies.create(
            conda_packages=params["conda_packages"], pip_packages=params["pip_packages"]
        )
    if params["pip_requirements_file"] is not None:
        path = _inside(folder, params["pip_requirements_file"], "pip_requirements_file")
        made.python.conda_dependencies.add_requirements_file(path)
    made.python.user_managed_dependencies = params["user_managed"]
    if params["use_gpu"]:
        made.docker.base_image = DEFAULT_GPU_IMAGE
    if params["custom_docker_image"] is not None:
        made.docker.base_image = params["custom_docker_image"]
    if params["image_registry_details"] is not None:
        made.docker.base_image_registry = params["image_registry_details"]
    return made


def _inside(folder: str, file: str | os.PathLike[str], parameter: str) -> str:
    """Return the path of a package file: relative to the source folder, or to the current one."""
    for path in (os.path.join(folder, file), os.fspath(file)):
        if os.path.isfile(path):
            return path
    there = os.listdir(folder) if os.path.isdir(folder) else ()
    raise UserErrorException(
        f"{parameter}: there is no file '{os.fspath(file)}' in {folder}.{did_you_mean(os.fspath(file), there)}"
    )


def _distribute(config: RunConfiguration, params: Mapping[str, Any]) -> None:
    """Write down how several processes find each other."""
    how = params["distributed_training"]
    config.mpi.process_count_per_node = params["process_count_per_node"]
    if how is None and params["distributed_backend"] is None:
        return
    if how is None or isinstance(how, MpiConfiguration):
        config.communicator = "IntelMpi"
        if how is not None:
            config.mpi = how
    elif isinstance(how, PyTorchConfiguration):
        config.framework, config.communicator, config.pytorch = "PyTorch", how.communication_backend, how
    elif isinstance(how, TensorflowConfiguration):
        config.framework, config.communicator, config.tensorflow = "TensorFlow", "ParameterServer", how
    else:
        raise TrainingException(
            f"distributed_training must be MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration, "
            f"not {type(how).__name__}."
        )


def _arguments(
    params: Mapping[str, Any],
    config: RunConfiguration,
    inputs: Iterable[Any],
    resume_from: DataPath | None,
) -> list[Any]:
    """Return the script's arguments; the data references among them and the inputs are added to the configuration."""
    references = config.data_references
    found: list[Any] = []
    for flag, value in params.items():
        if not isinstance(flag, str):
            raise UserErrorException(f"script_params: the flag {flag!r} must be a str, not {type(flag).__name__}.")
        found.append(flag)
        found += [_value(flag, item, references) for item in _values(value)]
    for item in inputs:
        if hasattr(item, "_kept_in"):
            config.data[item.name] = item
        else:
            _value("inputs", item, references, only_data=True)
    if resume_from is not None:
        found += ["--resume-from", _resume(resume_from, references)]
    return found


def _values(value: Any) -> list[Any]:
    if value is None or (isinstance(value, str) and value == ""):
        return []
    several = isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict, DataReference))
    return list(value) if several else [value]


def _value(flag: str, value: Any, references: dict[str, DataReferenceConfiguration], only_data: bool = False) -> Any:
    reference = value.as_mount() if hasattr(value, "datastore_type") else value
    if isinstance(reference, DataReference):
        add_reference(references, reference)
        return str(reference)
    if not only_data and (isinstance(value, (str, int, float, os.PathLike)) or hasattr(value, "_kept_in")):
        return value
    if not only_data and hasattr(value, "item"):
        return value
    wanted = (
        "a data reference or a named dataset" if only_data else "a string, a number, a list of them or a data reference"
    )
    raise UserErrorException(f"{flag}: {value!r} of type {type(value).__name__} cannot be used; give {wanted}.")


def _resume(source: DataPath, references: dict[str, DataReferenceConfiguration]) -> str:
    if not isinstance(source, DataPath) or source.datastore is None:
        raise UserErrorException(f"resume_from must be a DataPath on a datastore, not {type(source).__name__}.")
    reference = DataReference(source.datastore, _MODEL, source.path_on_datastore)
    add_reference(references, reference)
    return str(reference)
