"""A run configuration: everything about how a script runs but the folder it is in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from trainshed.api.checks import known_keywords
from trainshed.api.conda_dependencies import CondaDependencies
from trainshed.api.environment import (
    DEFAULT_CPU_IMAGE,
    DEFAULT_GPU_IMAGE,
    MPI_CPU_IMAGE,
    MPI_GPU_IMAGE,
    ContainerRegistry,
    DockerSection,
    Environment,
    PythonSection,
    SparkSection,
)
from trainshed.api.section import Section
from trainshed.errors import RunConfigurationException, UserErrorException
from trainshed.spec.run import MODES

if TYPE_CHECKING:
    from trainshed.api.compute import ComputeTarget

__all__ = [
    "DEFAULT_CPU_IMAGE",
    "DEFAULT_GPU_IMAGE",
    "MPI_CPU_IMAGE",
    "MPI_GPU_IMAGE",
    "AmlComputeConfiguration",
    "ContainerRegistry",
    "DataReferenceConfiguration",
    "DockerConfiguration",
    "DockerSection",
    "Environment",
    "HdiConfiguration",
    "HistoryConfiguration",
    "MpiConfiguration",
    "ParallelTaskConfiguration",
    "PyTorchConfiguration",
    "PythonSection",
    "RunConfiguration",
    "SparkConfiguration",
    "SparkSection",
    "TensorflowConfiguration",
]


class MpiConfiguration(Section):
    """Processes started by MPI.

    Args:
        process_count_per_node: how many on each node.
        node_count: on how many nodes.
    """

    @known_keywords
    def __init__(self, process_count_per_node: int = 1, node_count: int = 1) -> None:
        self.process_count_per_node = process_count_per_node
        self.node_count = node_count
        self._seal()


class TensorflowConfiguration(Section):
    """TensorFlow's workers and parameter servers.

    Args:
        worker_count: how many workers.
        parameter_server_count: how many parameter servers.
    """

    @known_keywords
    def __init__(self, worker_count: int = 1, parameter_server_count: int = 1) -> None:
        self.worker_count = worker_count
        self.parameter_server_count = parameter_server_count
        self._seal()


class PyTorchConfiguration(Section):
    """Processes of torch.distributed.

    Args:
        communication_backend: ``"Nccl"`` or ``"Gloo"``.
        process_count: of all nodes together; None: one a node.
        node_count: on how many nodes.

    Raises:
        RunConfigurationException: another backend.
    """

    @known_keywords
    def __init__(
        self, communication_backend: str = "Nccl", process_count: int | None = None, node_count: int = 1
    ) -> None:
        if str(communication_backend).lower() not in ("nccl", "gloo"):
            raise RunConfigurationException(
                f"communication_backend is {communication_backend!r}; it is 'Nccl' or 'Gloo'."
            )
        self.communication_backend = communication_backend
        self.process_count = process_count
        self.node_count = node_count
        self._seal()


class ParallelTaskConfiguration(Section):
    """Accepted and not used."""

    @known_keywords
    def __init__(
        self, max_retries_per_worker: int = 0, worker_count_per_node: int = 1, terminal_exit_codes: Any = None
    ) -> None:
        self.max_retries_per_worker = max_retries_per_worker
        self.worker_count_per_node = worker_count_per_node
        self.terminal_exit_codes = terminal_exit_codes
        self._seal()


class DockerConfiguration(Section):
    """Whether and how to run in a container.

    Args:
        use_docker: run in one.
        shared_volumes: accepted and not used.
        arguments: further arguments for the container engine.
        shm_size: size of its shared memory.
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
    """What is kept of a run."""

    def __init__(self) -> None:
        self.output_collection = True
        self.snapshot_project = True
        self.directories_to_watch = ["logs"]
        self._seal()


class HdiConfiguration(Section):
    """Accepted and not used."""

    def __init__(self) -> None:
        self.yarn_deploy_mode = "cluster"
        self._seal()


class SparkConfiguration(Section):
    """Accepted and not used."""

    def __init__(self) -> None:
        self.configuration = {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1}
        self._seal()


class AmlComputeConfiguration(Section):
    """Accepted and not used."""

    def __init__(self) -> None:
        self.vm_size: str | None = None
        self.vm_priority: str | None = None
        self.retain_cluster = False
        self.name: str | None = None
        self._cluster_max_node_count: int | None = None
        self._seal()


class DataReferenceConfiguration(Section):
    """A data reference in a run configuration.

    Args:
        datastore_name: the datastore.
        mode: ``"mount"``, ``"download"`` or ``"upload"``.
        path_on_datastore: file or folder on it.
        path_on_compute: where it lies on the node.
        overwrite: replace files that are there already.

    Raises:
        UserErrorException: another mode.
    """

    @known_keywords
    def __init__(
        self,
        datastore_name: str | None = None,
        mode: str = "mount",
        path_on_datastore: str | None = None,
        path_on_compute: str | None = None,
        overwrite: bool = False,
    ) -> None:
        if str(mode).lower() not in MODES:
            raise UserErrorException(f"Data reference mode {mode!r} is not one of {', '.join(MODES)}.")
        self.data_store_name = datastore_name
        self.mode = str(mode).lower()
        self.path_on_data_store = path_on_datastore
        self.path_on_compute = path_on_compute
        self.overwrite = overwrite
        self._seal()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataReferenceConfiguration) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class RunConfiguration(Section):
    """How a script runs: target, arguments, environment, data.

    Args:
        script: Python file, relative to the source folder.
        arguments: of the script.
        framework: ``"Python"``.
        communicator: ``"None"``.
        conda_dependencies: packages of its environment.
        command: argv to run instead of a script.

    Example:
        >>> config = RunConfiguration()
        >>> config.environment.python.user_managed_dependencies = True
        >>> config.target
        'local'
    """

    @known_keywords
    def __init__(
        self,
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        _history_enabled: bool | None = None,
        _path: Any = None,
        _name: str | None = None,
        command: Any = None,
    ) -> None:
        self.script = script
        self.arguments: list[Any] = list(arguments or ())
        self.command: Any = command or ""
        self._target = "local"
        self.framework = framework or "Python"
        self.communicator = communicator or "None"
        self.max_run_duration_seconds: int | None = None
        self.node_count = 1
        self.priority: int | None = None
        self.auto_prepare_environment = True
        self.environment = Environment("default-environment")
        if conda_dependencies is not None:
            self.environment.python.conda_dependencies = conda_dependencies
        self.environment_variables: dict[str, str] = {}
        self._defaults()
        self._seal()

    def _defaults(self) -> None:
        self.history = HistoryConfiguration()
        self.docker = DockerConfiguration()
        self.spark = SparkConfiguration()
        self.hdi = HdiConfiguration()
        self.tensorflow = TensorflowConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.paralleltask = ParallelTaskConfiguration()
        self.amlcompute = AmlComputeConfiguration()
        self.data_references: dict[str, DataReferenceConfiguration] = {}
        self.data: dict[str, Any] = {}
        self.output_data: dict[str, Any] = {}
        self.datacaches: list[Any] = []
        self.services: dict[str, Any] = {}
        self.source_directory_data_store: str | None = None
        self.credential_passthrough = False

    @property
    def target(self) -> str:
        """Name of the compute target; may be set to a target or to its name."""
        return self._target

    @target.setter
    def target(self, target: str | ComputeTarget) -> None:
        self._target = target if isinstance(target, str) else str(target.name)
