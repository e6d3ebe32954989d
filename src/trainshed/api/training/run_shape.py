"""What a run configuration says of its processes and its container: pure functions, for :mod:`to_spec`."""

from __future__ import annotations

import os
from typing import NamedTuple

from trainshed.api.compute.compute import LOCAL
from trainshed.api.configuration.environment import ContainerRegistry
from trainshed.api.configuration.runconfig import RunConfiguration
from trainshed.errors import RunConfigurationException, TrainingException, did_you_mean
from trainshed.spec.container import ContainerSpec

_MPI, _TORCH, _TENSORFLOW = "openmpi", "torch", "tensorflow"
_LAUNCHERS = {
    "none": "single",
    "openmpi": _MPI,
    "intelmpi": _MPI,
    "mpi": _MPI,
    "nccl": _TORCH,
    "gloo": _TORCH,
    "parameterserver": _TENSORFLOW,
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


class Distribution(NamedTuple):
    """How one script becomes many processes.

    Attributes:
        launcher: ``"single"``, ``"openmpi"``, ``"torch"`` or ``"tensorflow"``.
        node_count: how many nodes (≥ 1).
        process_count_per_node: how many processes on each (≥ 1); TensorFlow's last node may have fewer.
        backend: of torch.distributed: ``"nccl"`` or ``"gloo"``.
        worker_count: of TensorFlow.
        parameter_server_count: of TensorFlow.
    """

    launcher: str = "single"
    node_count: int = 1
    process_count_per_node: int = 1
    backend: str = ""
    worker_count: int = 0
    parameter_server_count: int = 0


def distribution(config: RunConfiguration) -> Distribution:
    """Return how many processes a run configuration asks for, and how they find each other.

    Args:
        config: the run configuration.

    Raises:
        RunConfigurationException: a framework or communicator that does not exist, or settings that contradict each
            other.

    Example:
        >>> distribution(RunConfiguration(communicator="Gloo")).launcher
        'torch'
    """
    communicator = _communicator(config)
    launcher = _LAUNCHERS[communicator]
    if launcher == _MPI:
        nodes = _nodes(config, config.mpi.node_count)
        return Distribution(launcher, nodes, config.mpi.process_count_per_node)
    if launcher == _TORCH:
        nodes = _nodes(config, config.pytorch.node_count)
        processes = config.pytorch.process_count or nodes
        if processes % nodes:
            raise RunConfigurationException(
                f"process_count is {processes} and node_count {nodes}: every node runs as many processes as the "
                f"others, so process_count must be a multiple of {nodes}."
            )
        return Distribution(launcher, nodes, processes // nodes, communicator)
    if launcher == _TENSORFLOW:
        workers, servers = config.tensorflow.worker_count, config.tensorflow.parameter_server_count
        each = -(-(workers + servers) // config.node_count)
        return Distribution(launcher, config.node_count, each, "", workers, servers)
    return _alone(config)


def _communicator(config: RunConfiguration) -> str:
    framework, communicator = config.framework.lower(), config.communicator.lower()
    if framework not in _FRAMEWORKS or communicator not in _LAUNCHERS:
        known = ("Python", "PyTorch", "TensorFlow") if framework not in _FRAMEWORKS else _COMMUNICATORS
        what, said = (
            ("framework", config.framework) if framework not in _FRAMEWORKS else ("communicator", config.communicator)
        )
        raise RunConfigurationException(
            f"run_config.{what} is {said!r}; here it is one of {', '.join(known)}.{did_you_mean(said, known)}"
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
    for name, count in asked.items():
        if count > 1:
            raise RunConfigurationException(
                f"run_config.{name} is {count}, and nothing says how {count} processes find each other: "
                f"set run_config.communicator to one of {', '.join(_COMMUNICATORS[1:])}."
            )
    return Distribution()


def container(config: RunConfiguration) -> ContainerSpec | None:
    """Return the container that a run configuration asks for; None where it names no image of its own.

    As in v1, a run on this machine gets one only where docker is asked for; elsewhere an image will do, unless docker
    was declined.

    Args:
        config: the run configuration.

    Raises:
        TrainingException: an image is to be built with a folder of files.
    """
    docker, how = config.environment.docker, config.docker
    undecided = config.target != LOCAL and not config._docker_said()
    if not (how.use_docker or docker.enabled or undecided):
        return None
    if docker.build_context:
        raise TrainingException(
            "Images are built of a Dockerfile alone, without a build context: build this one (podman build, docker "
            "build) and name it, e.g. Environment.from_docker_image('name', image='...')."
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

    Args:
        config: the run configuration.

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
