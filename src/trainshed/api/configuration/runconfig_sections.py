"""Sections of a run configuration."""

from __future__ import annotations

from trainshed.api.checks import known_keywords
from trainshed.api.section import Section
from trainshed.errors import TYPE_CHECKING, RunConfigurationException
from trainshed.spec.shape import check_backend, check_count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04"
MPI_CPU_IMAGE = DEFAULT_CPU_IMAGE
MPI_GPU_IMAGE = DEFAULT_GPU_IMAGE
"""SDK v1's default images. They are treated as if no image was specified."""


def _check_counts(least: int = 1, **counts: Any) -> None:
    for name, count in counts.items():
        check_count(name, count, least, RunConfigurationException)


class MpiConfiguration(Section):
    """Distributed training with MPI.

    Args:
        process_count_per_node: number of processes per node.
        node_count: number of nodes.

    Raises:
        RunConfigurationException: a count is not a positive integer.

    Example:
        >>> Estimator("./src", compute_target="local", distributed_training=MpiConfiguration(4)).run_config.communicator
        'IntelMpi'
    """

    @known_keywords
    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        _check_counts(process_count_per_node=process_count_per_node, node_count=node_count)
        self.process_count_per_node = process_count_per_node
        self.node_count = node_count
        self._seal()


class TensorflowConfiguration(Section):
    """Distributed training with TensorFlow.

    Args:
        worker_count: number of workers.
        parameter_server_count: number of parameter servers; 0 for strategies without parameter servers.

    Raises:
        RunConfigurationException: a count is not an integer, or is too small.

    Example:
        >>> TensorflowConfiguration(worker_count=2, parameter_server_count=0).worker_count
        2
    """

    @known_keywords
    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        _check_counts(worker_count=worker_count)
        _check_counts(0, parameter_server_count=parameter_server_count)
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count
        self._seal()


class PyTorchConfiguration(Section):
    """Distributed training with ``torch.distributed``.

    Args:
        communication_backend: ``"Nccl"`` or ``"Gloo"``.
        process_count: total number of processes on all nodes. Default: one per node.
        node_count: number of nodes.

    Raises:
        RunConfigurationException: the backend is unknown, or a count is not a positive integer.

    Example:
        >>> pytorch = PyTorchConfiguration("Gloo", process_count=4, node_count=2)
        >>> ScriptRunConfig("./src", distributed_job_config=pytorch).run_config.communicator
        'Gloo'
    """

    @known_keywords
    def __init__(
        self, communication_backend: str = "Nccl", process_count: int | None = None, node_count: int = 1
    ) -> None:
        check_backend("communication_backend", communication_backend, RunConfigurationException)
        _check_counts(process_count=1 if process_count is None else process_count, node_count=node_count)
        self.communication_backend = communication_backend
        self.process_count = process_count
        self.node_count = node_count
        self._seal()


class ParallelTaskConfiguration(Section):
    """Parallel task settings. Stored, but not supported."""

    @known_keywords
    def __init__(
        self, max_retries_per_worker: int = 0, worker_count_per_node: int = 1, terminal_exit_codes: Any = None
    ) -> None:
        self.max_retries_per_worker = max_retries_per_worker
        self.worker_count_per_node = worker_count_per_node
        self.terminal_exit_codes = terminal_exit_codes
        self._seal()


class DockerConfiguration(Section):
    """Container settings of a run.

    Args:
        use_docker: run the script in a container.
        shared_volumes: ignored.
        arguments: additional arguments for the container engine.
        shm_size: size of the container's shared memory, e.g. ``"2g"``.

    Example:
        >>> RunConfiguration().docker.use_docker, DockerConfiguration(use_docker=True).shm_size
        (False, '2g')
    """

    @known_keywords
    def __init__(
        self,
        use_docker: bool = False,
        shared_volumes: bool = True,
        arguments: Sequence[str] = (),
        shm_size: str | None = "2g",
    ) -> None:
        self.use_docker = use_docker
        self.shared_volumes = shared_volumes
        self.arguments = list(arguments)
        self.shm_size = shm_size
        self._seal()


class HistoryConfiguration(Section):
    """Settings for the collection of logs and outputs.

    Example:
        >>> RunConfiguration().history.directories_to_watch
        ['logs']
    """

    def __init__(self) -> None:
        self.output_collection = True
        self.snapshot_project = True
        self.directories_to_watch = ["logs"]
        self._seal()


class HdiConfiguration(Section):
    """HDInsight settings. Stored, but have no effect."""

    def __init__(self) -> None:
        self.yarn_deploy_mode = "cluster"
        self._seal()


class SparkConfiguration(Section):
    """Spark settings. Stored, but have no effect."""

    def __init__(self) -> None:
        self.configuration = {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1}
        self._seal()


class AmlComputeConfiguration(Section):
    """Settings of a cluster that SDK v1 would create for one run. Stored; such a run uses this machine instead.

    Attributes:
        vm_size: VM size.
        vm_priority: ``"dedicated"`` or ``"lowpriority"``.
        cluster_max_node_count: maximum number of nodes.

    Example:
        >>> config = RunConfiguration()
        >>> config.amlcompute.vm_size = "STANDARD_D2_V2"
    """

    def __init__(self) -> None:
        self.vm_size: str | None = None
        self.vm_priority: str | None = None
        self.retain_cluster = False
        self.name: str | None = None
        self.cluster_max_node_count: int | None = None
        self._seal()

    @property
    def _cluster_max_node_count(self) -> int | None:
        """The same, under the name that later releases of SDK v1 used."""
        return self.cluster_max_node_count

    @_cluster_max_node_count.setter
    def _cluster_max_node_count(self, count: int | None) -> None:
        self.cluster_max_node_count = count


class ContainerInstanceConfiguration(Section):
    """Azure Container Instances settings. Stored, but have no effect."""

    def __init__(self) -> None:
        self.region: str | None = None
        self.cpu_cores = 1
        self.memory_gb = 4.0
        self._seal()


class KubernetesComputeConfiguration(Section):
    """Kubernetes settings. Stored, but have no effect."""

    def __init__(self) -> None:
        self.instance_type: str | None = None
        self._seal()


class ContainerRegistry(Section):
    """Address and credentials of a container registry.

    Attributes:
        address: e.g. ``"registry.example.org"``.
        username: user name.
        password: password.
        registry_identity: ignored.

    Example:
        >>> registry = ContainerRegistry()
        >>> registry.address = "registry.example.org"
        >>> registry
        ContainerRegistry(address='registry.example.org', username=None)
    """

    def __init__(self) -> None:
        self.address: str | None = None
        self.username: str | None = None
        self.password: str | None = None
        self.registry_identity: Any = None
        self._seal()

    def __repr__(self) -> str:
        return f"ContainerRegistry(address={self.address!r}, username={self.username!r})"


class DockerSection(Section):
    """Container settings of an environment.

    Attributes:
        enabled: run the script in a container.
        base_image: name of the image.
        base_image_registry: registry of the image.

    Example:
        >>> env = Environment("slim")
        >>> env.docker.base_image = "python:3.11-slim"
        >>> env.docker.enabled = True
    """

    def __init__(self) -> None:
        self.enabled = False
        self.base_image: str | None = DEFAULT_CPU_IMAGE
        self.base_image_registry = ContainerRegistry()
        self.base_dockerfile: str | None = None
        self.build_context: Any = None
        self.platform: Any = None
        self.shared_volumes = True
        self.gpu_support = False
        self.shm_size: str | None = "2g"
        self.arguments: list[str] = []
        self._seal()


class SparkSection(Section):
    """Spark settings of an environment. Stored, but have no effect."""

    def __init__(self) -> None:
        self.repositories: list[str] = []
        self.packages: list[Any] = []
        self.precache_packages = True
        self._seal()
