"""Conversion of run configurations to RunSpecs. Unsupported settings raise an error here."""

from __future__ import annotations

import os

from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig import CONTAINER, MAX_DURATION_SECONDS_DEFAULT, ON_DEMAND, RunConfiguration
from trainshed.api.configuration.runconfig_sections import ContainerRegistry
from trainshed.api.data.data_reference import (
    AS_INPUT,
    DataReference,
    DataReferenceConfiguration,
    References,
    add_reference,
)
from trainshed.client.locations import LEGACY, legacy
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
from trainshed.spec.run import LOCAL, DataSpec, RunSpec, is_notebook
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
# In early SDK releases, the framework's name determined the communicator.
_FRAMEWORKS = {
    "python": "none",
    "pytorch": "none",
    "tensorflow": "none",
    "cntk": "none",
    "pyspark": "none",  # which starts Spark itself, on the run's own node
    "pythonmpi": "mpi",
    "tensorflowparameterserver": "parameterserver",
}
_SHM_SIZE = "2g"
# SDK v1's default images, which are treated as if no image was specified.
_STOCK = tuple(f"mcr.microsoft.com/azureml/{name}" for name in ("base:", "base-gpu:", "openmpi", "intelmpi"))


class SubmitOptions(Record):
    """Options of a submit that are not part of the run configuration.

    Attributes:
        experiment: name of the experiment.
        tags: tags of the run.
        priority: runs with higher priority start first.
        slots: number of slots that the run occupies on its target.
        solver: how to install conda packages, if the environment does not set ``conda_solver``.
        legacy: make names available that packages have removed since 2018, and install pandas and numpy, which every
            environment of SDK v1 had (``TRAINSHED_LEGACY``).
        nearest: use the nearest Python if the requested one is not available (``TRAINSHED_PYTHON=nearest``).
    """

    experiment: str
    tags: Mapping[str, Any] = {}
    priority: int | None = None
    slots: int = 1
    solver: str = "auto"
    legacy: bool = False
    nearest: bool = False


def to_spec(config: RunConfiguration, options: SubmitOptions) -> RunSpec:
    """Convert a run configuration to a RunSpec without a source snapshot.

    Args:
        config: run configuration; it is not modified.
        options: options of the submit.

    Raises:
        TrainingException: the image cannot be built here.
        UserErrorException: a value is invalid.

    Example:
        >>> to_spec(RunConfiguration("train.py", ["--alpha", 0.8]), SubmitOptions("trial")).arguments
        ('--alpha', '0.8')
    """
    shape = distribution(config)
    references = References(dict(config.data_references), dict(config.data), dict(config.output_data))
    arguments = tuple(_argument(value, index, references) for index, value in enumerate(config.arguments or ()))
    command = _command(config.command, references)
    variables = _variables(config, options.legacy)
    environment = environment_to_spec(config.environment, options.solver)
    if legacy(variables):
        environment = _with_defaults(environment, config.environment)
    priority = options.priority if options.priority is not None else config.priority
    return check_run_spec(
        RunSpec(
            experiment=options.experiment,
            script=None if command else _script(config.script),
            command=command,
            arguments=arguments,
            target=_target(config),
            environment=_for_script(environment, config.script, options),
            environment_name=str(config.environment.name or ""),
            environment_variables=variables,
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
    """Convert an environment to an EnvironmentSpec.

    Args:
        environment: the environment.
        solver: how to install conda packages, if the environment does not set ``conda_solver``.

    Example:
        >>> environment_to_spec(Environment("plain")).pip
        ()
    """
    python = environment.python
    if python.user_managed_dependencies:
        return EnvironmentSpec(kind=EXISTING, interpreter=str(python.interpreter_path or "python"))
    from trainshed.api.configuration.requirements import Unasked

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
        pip=tuple(package for package in dependencies.pip_packages if not isinstance(package, Unasked)),
        channels=tuple(dependencies.conda_channels),
        solver=environment.conda_solver or solver,
        index_url=index_url,
        pip_options=tuple(options),
        notes=environment._notes,
    )


def _with_defaults(spec: EnvironmentSpec, environment: Environment) -> EnvironmentSpec:
    """Return an environment with what scripts import of the package that SDK v1 added to every environment."""
    from trainshed.api.configuration.conda_dependencies import package_name
    from trainshed.api.configuration.requirements import Unasked

    packages = environment.python.conda_dependencies.pip_packages
    if spec.kind == EXISTING or not any(isinstance(package, Unasked) for package in packages):
        return spec
    if "pandas" in (package_name(package) for package in (*spec.conda, *spec.pip)):
        return spec  # as the user has it, with the numpy that it needs
    note = f"pandas and numpy were added, as azureml-defaults brought them in SDK v1 ({LEGACY} is set)."
    return spec._replace(pip=(*spec.pip, "pandas"), notes=(*spec.notes, note))


def _for_script(environment: EnvironmentSpec, script: str | None, options: SubmitOptions) -> EnvironmentSpec:
    """Return the environment with the options of the submit, and with IPython if the script is a notebook."""
    environment = environment._replace(nearest_python=options.nearest)
    if not is_notebook(script) or environment.kind == EXISTING:
        return environment
    note = "ipython was added, because the script is a notebook."
    return environment._replace(pip=(*environment.pip, "ipython"), notes=(*environment.notes, note))


def _argument(value: Any, index: int, references: References) -> str:
    """Convert an argument to a string. Data references and datasets are added to ``references``."""
    if isinstance(value, DataReference):
        add_reference(references.data_references, value)
        return str(value)
    if hasattr(value, "_as_argument"):
        return str(value._as_argument(references))
    if hasattr(value, "as_mount") and hasattr(value, "datastore_type"):
        return _argument(value.as_mount(), index, references)
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    # item() converts a NumPy scalar, or a similar type, to a Python number.
    scalar = value.item() if hasattr(value, "item") and not isinstance(value, (str, bytes)) else value
    if isinstance(scalar, (str, int, float)):
        return str(scalar)
    if hasattr(value, "as_named_input"):
        raise UserErrorException(f"Argument {index + 1} is a {type(value).__name__}; {AS_INPUT}")
    raise UserErrorException(
        f"Argument {index + 1} is {value!r} of type {type(value).__name__}; "
        "arguments must be strings, numbers, paths or data references."
    )


def _command(command: Any, references: References) -> tuple[str, ...]:
    if not command:
        return ()
    if isinstance(command, str):
        return ("/bin/sh", "-c", command)
    return tuple(_argument(value, index, references) for index, value in enumerate(command))


def _target(config: RunConfiguration) -> str:
    """Return the target. Where SDK v1 creates a cluster or a container for one run, it runs on this machine."""
    for_one_run = config.target == CONTAINER or (config.target == ON_DEMAND and config.amlcompute.vm_size)
    return LOCAL if for_one_run else config.target


def _script(script: str | None) -> str:
    return os.path.normpath(script or "train.py").replace(os.sep, "/")


def _variables(config: RunConfiguration, legacy: bool) -> dict[str, str]:
    variables = [(LEGACY, "1")] if legacy else []
    variables += [*config.environment.environment_variables.items(), *config.environment_variables.items()]
    return {str(name): str(value) for name, value in variables if (name, value) != _EXAMPLE}


def _data(name: str, reference: DataReferenceConfiguration | DataReference) -> DataSpec:
    if isinstance(reference, DataReference):
        reference = reference.to_config()
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
    """Return the launcher and the number of nodes and processes of a run configuration.

    Raises:
        RunConfigurationException: the framework or communicator is unknown, or settings contradict each other.

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
    return _single(config)


def _communicator(config: RunConfiguration) -> str:
    framework, communicator = config.framework.lower(), config.communicator.lower()
    if framework not in _FRAMEWORKS or communicator not in _LAUNCHERS:
        known = ("Python", "PyTorch", "TensorFlow") if framework not in _FRAMEWORKS else _COMMUNICATORS
        name, value = (
            ("framework", config.framework) if framework not in _FRAMEWORKS else ("communicator", config.communicator)
        )
        raise RunConfigurationException(
            f"Unknown run_config.{name} {value!r}. Available: {', '.join(known)}.{did_you_mean(value, known)}"
        )
    return _FRAMEWORKS[framework] if communicator == "none" else communicator


_COMMUNICATORS = ("None", "OpenMpi", "IntelMpi", "Mpi", "Nccl", "Gloo", "ParameterServer")


def _nodes(config: RunConfiguration, section_count: int) -> int:
    """Return the run configuration's node count, or the distributed backend's if the former is not set."""
    return config.node_count if config.node_count != 1 else section_count


def _single(config: RunConfiguration) -> Distribution:
    counts = {
        "node_count": config.node_count,
        "mpi.process_count_per_node": config.mpi.process_count_per_node,
        "pytorch.process_count": config.pytorch.process_count or 1,
        "tensorflow.worker_count": config.tensorflow.worker_count,
    }
    advice = f"set run_config.communicator to one of {', '.join(_COMMUNICATORS[1:])}"
    for name, count in counts.items():
        check_launched(f"run_config.{name}", count, False, advice, RunConfigurationException)
    return Distribution()


def container(config: RunConfiguration) -> ContainerSpec | None:
    """Return the container settings of a run configuration, or None if it does not run in a container.

    As in SDK v1, a run on target ``"local"`` uses a container only if docker is enabled. A run on another target uses
    one if it specifies an image, unless docker is disabled.

    Raises:
        TrainingException: the image has a build context.

    Example:
        >>> config = RunConfiguration()
        >>> config.environment.docker.base_image = "python:3.11-slim"
        >>> config.docker = DockerConfiguration(use_docker=True)
        >>> container(config).image
        'python:3.11-slim'
    """
    docker, runtime = config.environment.docker, config.docker
    by_default = config.target != LOCAL and not config._docker_is_set()
    if not (runtime.use_docker or docker.enabled or by_default):
        return None
    if docker.build_context:
        raise TrainingException(
            "Images can only be built from a Dockerfile without a build context. Build this one (podman build, "
            "docker build) and use its name, e.g. Environment.from_docker_image('name', image='...')."
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
        shm_size=next((size for size in (runtime.shm_size, docker.shm_size) if size and size != _SHM_SIZE), _SHM_SIZE),
        arguments=(*map(str, docker.arguments), *map(str, runtime.arguments)),
    )


def uses_gpu(config: RunConfiguration) -> bool:
    """Return whether a run uses GPUs: it sets ``use_gpu``, uses NCCL, or specifies an SDK v1 GPU image.

    Example:
        >>> uses_gpu(RunConfiguration(communicator="Nccl"))
        True
    """
    docker = config.environment.docker
    image = docker.base_image or ""
    stock = image.startswith(_STOCK) and ("base-gpu:" in image or "cuda" in image)
    return bool(config._use_gpu or docker.gpu_support or stock or config.communicator.lower() == "nccl")


def _text(dockerfile: str) -> str:
    """Return the content of a Dockerfile, which may be passed as a path or as text."""
    if "\n" in dockerfile or not os.path.isfile(dockerfile):
        return dockerfile
    with open(dockerfile, encoding="utf-8") as file:
        return file.read()
