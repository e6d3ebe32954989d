"""The one way from a run configuration to a RunSpec: a pure function, with all that is refused refused here."""

from __future__ import annotations

import os

from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig import MAX_DURATION_SECONDS_DEFAULT, ON_DEMAND, RunConfiguration
from trainshed.api.configuration.runconfig_sections import ContainerRegistry
from trainshed.api.data.data_reference import DataReference, DataReferenceConfiguration, References, add_reference
from trainshed.errors import (
    TYPE_CHECKING,
    RunConfigurationException,
    TrainingException,
    UserErrorException,
    did_you_mean,
)
from trainshed.spec.checks import check_run_spec
from trainshed.spec.container import ContainerSpec
from trainshed.spec.environment import EXISTING, EnvironmentSpec
from trainshed.spec.record import Record
from trainshed.spec.run import LOCAL, DataSpec, RunSpec
from trainshed.spec.shape import (
    OPENMPI,
    SINGLE,
    TENSORFLOW,
    TORCH,
    Distribution,
    check_count,
    check_launched,
    of_tensorflow,
    of_torch,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LEGACY = "TRAINSHED_LEGACY"
"""Set to 1 it makes names work in a run that packages have dropped since 2018 (see docs/legacy.md)."""
_EXAMPLE = ("EXAMPLE_ENV_VAR", "EXAMPLE_VALUE")
_LAUNCHERS = {
    "none": SINGLE,
    "openmpi": OPENMPI,
    "intelmpi": OPENMPI,
    "mpi": OPENMPI,
    "nccl": TORCH,
    "gloo": TORCH,
    "parameterserver": TENSORFLOW,
}
# In 2018 the framework's name said how its processes find each other.
_FRAMEWORKS = {
    "python": "none",
    "pytorch": "none",
    "tensorflow": "none",
    "cntk": "none",
    "pythonmpi": "mpi",
    "tensorflowparameterserver": "parameterserver",
}
_SHM_SIZE = "2g"
# Images that v1 named where nobody had: they stand for "no particular one".
_STOCK = tuple(f"mcr.microsoft.com/azureml/{name}" for name in ("base:", "base-gpu:", "openmpi", "intelmpi"))


class SubmitOptions(Record):
    """What a submit says besides the run configuration.

    Attributes:
        experiment: name of the experiment.
        tags: labels of the run.
        priority: higher starts first.
        slots: slots of the target's queue.
        solver: how conda packages are met, unless the environment says so itself.
        legacy: names that packages have dropped since 2018 are to work (``TRAINSHED_LEGACY``).
    """

    experiment: str
    tags: Mapping[str, Any] = {}
    priority: int | None = None
    slots: int = 1
    solver: str = "auto"
    legacy: bool = False


def to_spec(config: RunConfiguration, options: SubmitOptions) -> RunSpec:
    """Return what a run configuration asks for, without the source snapshot.

    Args:
        config: the run configuration; it is not changed.
        options: what else was said.

    Raises:
        TrainingException: an image that cannot be built here.
        UserErrorException: a value that cannot be used; the sentence names it.

    Example:
        >>> to_spec(RunConfiguration("train.py", ["--alpha", 0.8]), SubmitOptions("trial")).arguments
        ('--alpha', '0.8')
    """
    shape = distribution(config)
    references = References(dict(config.data_references), dict(config.data), dict(config.output_data))
    arguments = tuple(_argument(value, place, references) for place, value in enumerate(config.arguments))
    command = _command(config.command, references)
    priority = options.priority if options.priority is not None else config.priority
    return check_run_spec(
        RunSpec(
            experiment=options.experiment,
            script=None if command else _script(config.script),
            command=command,
            arguments=arguments,
            target=_target(config),
            environment=environment_to_spec(config.environment, options.solver),
            environment_name=str(config.environment.name or ""),
            environment_variables=_variables(config, options.legacy),
            data=tuple(_data(name, reference) for name, reference in references.data_references.items()),
            inputs=tuple(value._spec(name) for name, value in references.data.items()),
            outputs=tuple(value._spec(name) for name, value in references.output_data.items()),
            node_count=shape.node_count,
            process_count_per_node=shape.process_count_per_node,
            launcher=shape.launcher,
            backend=shape.backend,
            worker_count=shape.worker_count,
            parameter_server_count=shape.parameter_server_count,
            container=container(config),
            use_gpu=uses_gpu(config),
            slots=check_count("slots", options.slots),
            priority=check_count("priority", priority or 0, None),
            max_run_duration_seconds=_limit(config.max_run_duration_seconds),
            framework=config.framework,
            communicator=config.communicator,
            tags={str(key): str(value) for key, value in options.tags.items()},
        )
    )


def environment_to_spec(environment: Environment, solver: str = "auto") -> EnvironmentSpec:
    """Return what an environment asks of a node.

    Args:
        environment: the environment.
        solver: how conda packages are met, unless it says so itself.

    Example:
        >>> environment_to_spec(Environment("plain")).pip
        ()
    """
    python = environment.python
    if python.user_managed_dependencies:
        return EnvironmentSpec(kind=EXISTING, interpreter=str(python.interpreter_path or "python"))
    from trainshed.api.configuration.conda_dependencies import SDK

    dependencies = python.conda_dependencies
    index_url, options = None, []
    for line in dependencies.pip_options:
        name, _, value = line.replace("=", " ", 1).partition(" ") if "=" in line.split(" ")[0] else line.partition(" ")
        if name == "--index-url":
            index_url = value.strip()
        else:
            options.append(f"{name} {value.strip()}".strip())
    return EnvironmentSpec(
        python=dependencies.get_python_version(),
        conda=tuple(dependencies.conda_packages),
        # Put in by default, as v1 did; what it stands for needs no installing.
        pip=tuple(package for package in dependencies.pip_packages if package != SDK),
        channels=tuple(dependencies.conda_channels),
        solver=environment.conda_solver or solver,
        index_url=index_url,
        pip_options=tuple(options),
        notes=tuple(getattr(environment, "_notes", ())),
    )


def _argument(value: Any, place: int, references: References) -> str:
    """Return one argument as the script gets it; a data reference or a dataset leaves its configuration behind."""
    if isinstance(value, DataReference):
        add_reference(references.data_references, value)
        return str(value)
    if hasattr(value, "_as_argument"):
        return str(value._as_argument(references))
    if hasattr(value, "as_mount") and hasattr(value, "datastore_type"):
        return _argument(value.as_mount(), place, references)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    # Numbers of numpy and its like tell their plain value by item().
    plain = value.item() if hasattr(value, "item") and not isinstance(value, (str, bytes)) else value
    if isinstance(plain, (str, int, float)):
        return str(plain)
    raise UserErrorException(
        f"Argument {place + 1} is {value!r} of type {type(value).__name__}; "
        "arguments must be strings, numbers, paths or data references."
    )


def _command(command: Any, references: References) -> tuple[str, ...]:
    if not command:
        return ()
    if isinstance(command, str):
        return ("/bin/sh", "-c", command)
    return tuple(_argument(value, place, references) for place, value in enumerate(command))


def _target(config: RunConfiguration) -> str:
    """v1 made a cluster for a run that named but a size of machine; here such a run takes this machine."""
    return LOCAL if config.target == ON_DEMAND and config.amlcompute.vm_size else config.target


def _script(script: str | None) -> str:
    return os.path.normpath(script or "train.py").replace(os.sep, "/")


def _variables(config: RunConfiguration, legacy: bool) -> dict[str, str]:
    asked = [(LEGACY, "1")] if legacy else []
    given = [*asked, *config.environment.environment_variables.items(), *config.environment_variables.items()]
    return {str(name): str(value) for name, value in given if (name, value) != _EXAMPLE}


def _data(name: str, reference: DataReferenceConfiguration) -> DataSpec:
    if not reference.data_store_name:
        raise UserErrorException(f"Data reference '{name}' has no datastore.")
    return DataSpec(
        name=name,
        datastore=str(reference.data_store_name),
        path=str(reference.path_on_data_store or "").strip("/"),
        mode=str(reference.mode),
        path_on_compute=reference.path_on_compute,
        overwrite=bool(reference.overwrite),
    )


def _limit(seconds: Any) -> int | None:
    if seconds is None or seconds == MAX_DURATION_SECONDS_DEFAULT:
        return None
    return check_count("max_run_duration_seconds", seconds, None)


def distribution(config: RunConfiguration) -> Distribution:
    """Return how many processes a run configuration asks for, and how they find each other.

    Raises:
        RunConfigurationException: a framework or communicator that does not exist, or settings that contradict each
            other.

    Example:
        >>> distribution(RunConfiguration(communicator="Gloo")).launcher
        'torch'
    """
    communicator = _communicator(config)
    launcher = _LAUNCHERS[communicator]
    if launcher == OPENMPI:
        nodes = _nodes(config, config.mpi.node_count)
        return Distribution(launcher, nodes, config.mpi.process_count_per_node)
    if launcher == TORCH:
        nodes = _nodes(config, config.pytorch.node_count)
        processes = config.pytorch.process_count or nodes
        return of_torch(processes, nodes, communicator, RunConfigurationException)
    if launcher == TENSORFLOW:
        return of_tensorflow(
            config.tensorflow.worker_count, config.tensorflow.parameter_server_count, config.node_count
        )
    return _alone(config)


def _communicator(config: RunConfiguration) -> str:
    framework, communicator = config.framework.lower(), config.communicator.lower()
    if framework not in _FRAMEWORKS or communicator not in _LAUNCHERS:
        known = ("Python", "PyTorch", "TensorFlow") if framework not in _FRAMEWORKS else _COMMUNICATORS
        what, said = (
            ("framework", config.framework) if framework not in _FRAMEWORKS else ("communicator", config.communicator)
        )
        raise RunConfigurationException(
            f"run_config.{what} is {said!r}. Available: {', '.join(known)}.{did_you_mean(said, known)}"
        )
    return _FRAMEWORKS[framework] if communicator == "none" else communicator


_COMMUNICATORS = ("None", "OpenMpi", "IntelMpi", "Mpi", "Nccl", "Gloo", "ParameterServer")


def _nodes(config: RunConfiguration, also: int) -> int:
    """The run configuration says how many nodes; where it says nothing, the distributed setting does."""
    return config.node_count if config.node_count != 1 else also


def _alone(config: RunConfiguration) -> Distribution:
    asked = {
        "node_count": config.node_count,
        "mpi.process_count_per_node": config.mpi.process_count_per_node,
        "pytorch.process_count": config.pytorch.process_count or 1,
        "tensorflow.worker_count": config.tensorflow.worker_count,
    }
    advice = f"set run_config.communicator to one of {', '.join(_COMMUNICATORS[1:])}"
    for name, count in asked.items():
        check_launched(f"run_config.{name}", count, False, advice, RunConfigurationException)
    return Distribution()


def container(config: RunConfiguration) -> ContainerSpec | None:
    """Return the container that a run configuration asks for; None where it names no image of its own.

    As in v1, a run on this machine gets one only where docker is asked for; elsewhere an image will do, unless docker
    was declined.

    Raises:
        TrainingException: an image is to be built with a folder of files.

    Example:
        >>> config = RunConfiguration()
        >>> config.environment.docker.base_image = "python:3.11-slim"
        >>> config.docker = DockerConfiguration(use_docker=True)
        >>> container(config).image
        'python:3.11-slim'
    """
    docker, how = config.environment.docker, config.docker
    undecided = config.target != LOCAL and not config._docker_said()
    if not (how.use_docker or docker.enabled or undecided):
        return None
    if docker.build_context:
        raise TrainingException(
            "Images can only be built from a Dockerfile without a build context. Build this one (podman build, "
            "docker "
            "build) and use its name, e.g. Environment.from_docker_image('name', image='...')."
        )
    image = docker.base_image if docker.base_image and not docker.base_image.startswith(_STOCK) else ""
    if not (image or docker.base_dockerfile):
        return None
    registry = docker.base_image_registry or ContainerRegistry()
    return ContainerSpec(
        image=image,
        dockerfile="" if image else _text(str(docker.base_dockerfile)),
        registry=str(registry.address or ""),
        username=str(registry.username or ""),
        shm_size=next((size for size in (how.shm_size, docker.shm_size) if size and size != _SHM_SIZE), _SHM_SIZE),
        arguments=(*map(str, docker.arguments), *map(str, how.arguments)),
    )


def uses_gpu(config: RunConfiguration) -> bool:
    """Return whether a run configuration asks for GPUs: by its own word, by NCCL, or by one of v1's images for them.

    Example:
        >>> uses_gpu(RunConfiguration(communicator="Nccl"))
        True
    """
    docker = config.environment.docker
    image = docker.base_image or ""
    stock = image.startswith(_STOCK) and ("base-gpu:" in image or "cuda" in image)
    return bool(config._use_gpu or docker.gpu_support or stock or config.communicator.lower() == "nccl")


def _text(dockerfile: str) -> str:
    """Return the text of a Dockerfile that may be given by its path."""
    if "\n" in dockerfile or not os.path.isfile(dockerfile):
        return dockerfile
    with open(dockerfile, encoding="utf-8") as file:
        return file.read()
