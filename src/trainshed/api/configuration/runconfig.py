"""Run configurations: everything that defines how a script runs, except its source folder."""

from __future__ import annotations

import os

from trainshed.api.checks import known_keywords
from trainshed.api.configuration.distribution import Gloo, Mpi, Nccl
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig_sections import (
    AmlComputeConfiguration,
    ContainerInstanceConfiguration,
    DockerConfiguration,
    HdiConfiguration,
    HistoryConfiguration,
    KubernetesComputeConfiguration,
    MpiConfiguration,
    ParallelTaskConfiguration,
    PyTorchConfiguration,
    SparkConfiguration,
    TensorflowConfiguration,
)
from trainshed.api.data.data_reference import DataReferenceConfiguration, References, read_references
from trainshed.api.section import Section
from trainshed.client.notice import warn
from trainshed.errors import TYPE_CHECKING
from trainshed.spec.record import Record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, ClassVar

    from trainshed.api.configuration.conda_dependencies import CondaDependencies
    from trainshed.api.protocols import TargetLike
    from trainshed.errors import TrainshedError

MAX_DURATION_SECONDS_DEFAULT = 2592000
"""SDK v1's default of 30 days, which is treated as no limit."""
ON_DEMAND = "amlcompute"
"""SDK v1's target name for runs that specify only a VM size."""
CONTAINER = "containerinstance"
"""SDK v1's target name for runs in a container of Azure's."""


class RunConfiguration(Section):
    """Configuration of a run: compute target, script arguments, environment, and data.

    Args:
        script: path of the Python script, relative to the source folder.
        arguments: command-line arguments of the script.
        framework: ``"Python"``, ``"PyTorch"`` or ``"TensorFlow"``.
        communicator: distributed backend: ``"None"``, ``"OpenMpi"`` (``"IntelMpi"`` and ``"Mpi"`` are synonyms: the
            installed MPI is used), ``"Nccl"``, ``"Gloo"`` or ``"ParameterServer"``.
        conda_dependencies: packages of the environment.
        command: command and arguments to run instead of a script.

    Example:
        >>> config = RunConfiguration()
        >>> config.environment.python.user_managed_dependencies = True
        >>> config.target
        'local'
    """

    _READERS: ClassVar = {
        "data_references": read_references,
        "data": lambda values, where: _stored().read_inputs(values, where),
        "output_data": lambda values, where: _stored().read_outputs(values, where),
    }

    @known_keywords
    def __init__(
        self,
        script: str | None = None,
        arguments: Sequence[Any] | None = None,
        framework: str | None = None,
        communicator: str | None = None,
        conda_dependencies: CondaDependencies | None = None,
        _history_enabled: bool | None = None,
        _path: str | os.PathLike[str] | None = None,
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
        self._path, self._name = _path, _name
        self._use_gpu = False
        self._defaults()
        self._seal()

    def _defaults(self) -> None:
        self.history = HistoryConfiguration()
        self.docker = self._default_docker = DockerConfiguration()
        self.spark = SparkConfiguration()
        self.hdi = HdiConfiguration()
        self.tensorflow = TensorflowConfiguration()
        self.mpi = MpiConfiguration()
        self.pytorch = PyTorchConfiguration()
        self.paralleltask = ParallelTaskConfiguration()
        self.amlcompute = AmlComputeConfiguration()
        self.kubernetescompute = KubernetesComputeConfiguration()
        self.container_instance = ContainerInstanceConfiguration()
        self.data_references: dict[str, DataReferenceConfiguration] = {}
        self.data: dict[str, Any] = {}
        self.output_data: dict[str, Any] = {}
        self.datacaches: list[Any] = []
        self.services: dict[str, Any] = {}
        self.application_endpoints: dict[str, Any] = {}
        self.source_directory_data_store: str | None = None
        self.credential_passthrough = False

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        first = {name: settings.pop(name) for name in ("script", "arguments")}
        return {**first, "target": self.target, **settings}

    def _references(self) -> References:
        """Return the data references of the configuration. Adding to them modifies the configuration."""
        return References(self.data_references, self.data, self.output_data)

    @property
    def target(self) -> str:
        """Name of the compute target. Can be set to a target or its name."""
        return self._target

    @target.setter
    def target(self, target: str | TargetLike) -> None:
        self._target = target if isinstance(target, str) else str(target.name)

    def _distribute(self, config: Any, parameter: str, error: type[TrainshedError], mpi: str = "IntelMpi") -> None:
        """Set the distributed backend.

        Args:
            config: an MPI, PyTorch or TensorFlow configuration, or :class:`Gloo` or :class:`Nccl` for the counts
                that are already set. None changes nothing.
            parameter: name of the user's parameter, for error messages.
            error: exception class raised for any other value.
            mpi: ``communicator`` value for MPI.
        """
        if config is None:
            return
        if isinstance(config, MpiConfiguration):
            self.mpi, self.communicator = config, "Mpi" if isinstance(config, Mpi) else mpi
        elif isinstance(config, TensorflowConfiguration):
            self.framework, self.communicator, self.tensorflow = "TensorFlow", "ParameterServer", config
        elif isinstance(config, PyTorchConfiguration):
            self.framework, self.communicator, self.pytorch = "PyTorch", config.communication_backend, config
        elif isinstance(config, (Gloo, Nccl)):
            backend, nodes = type(config).__name__, self.node_count
            self.framework, self.communicator = "PyTorch", backend.lower()
            self.pytorch = PyTorchConfiguration(backend, nodes * self.mpi.process_count_per_node, nodes)
        elif isinstance(config, ParallelTaskConfiguration):
            raise error("ParallelTaskConfiguration is not supported. Use MpiConfiguration for several processes.")
        else:
            raise error(
                f"{parameter} must be MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration, "
                f"not {type(config).__name__}."
            )

    def _docker_is_set(self) -> bool:
        """Return whether ``docker`` was set explicitly."""
        return self.docker is not self._default_docker

    @property
    def batchai(self) -> RunConfiguration:
        """The configuration itself, so that ``config.batchai.node_count = 2`` still works. Deprecated."""
        warn("RunConfiguration.batchai is deprecated. Set node_count on the run configuration itself.")
        return self

    def save(
        self,
        path: str | os.PathLike[str] | None = None,
        name: str | None = None,
        separate_environment_yaml: bool = False,
    ) -> None:
        """Write the configuration and its packages to ``<path>/.azureml/<name>.runconfig``.

        If the folder contains ``aml_config/`` and no ``.azureml/``, the file is written there. The registry's password
        is not written.

        Args:
            path: existing folder, or file to write. Default: the folder that the configuration was loaded from, or
                the current folder.
            name: name of the configuration. Default: the name it was loaded by.
            separate_environment_yaml: write the environment to a separate file.

        Raises:
            FileNotFoundError: the folder does not exist.
            UserErrorException: the name is missing or invalid.

        Example:
            >>> RunConfiguration("train.py").save(".", "trial")
            >>> RunConfiguration.load(".", "trial").script
            'train.py'
        """
        from trainshed.api.configuration import runconfig_files  # imports PyYAML, which submit does not need

        runconfig_files.save(self, path, name, separate_environment_yaml)

    @staticmethod
    def load(path: str | os.PathLike[str], name: str | None = None) -> RunConfiguration:
        """Load a configuration written by :meth:`save` or by SDK v1.

        Args:
            path: folder that contains ``.azureml/`` or ``aml_config/``, or path of the file.
            name: name of the configuration; not needed if ``path`` is a file.

        Raises:
            UserErrorException: the file does not exist, is not valid YAML, or contains a value of the wrong type.

        Example:
            >>> path = RunConfiguration("train.py").save(".", "cluster")
            >>> RunConfiguration.load(".", "cluster").script
            'train.py'
        """
        from trainshed.api.configuration import runconfig_files

        return runconfig_files.load(path, name, RunConfiguration)

    @staticmethod
    def delete(path: str | os.PathLike[str], name: str) -> None:
        """Delete a configuration file. The file with its packages is kept, because other configurations may use it.

        Args:
            path: folder that contains ``.azureml/`` or ``aml_config/``.
            name: name of the configuration.

        Raises:
            UserErrorException: the configuration does not exist.
        """
        from trainshed.api.configuration import runconfig_files

        runconfig_files.delete(path, name)


def _stored() -> Any:
    from trainshed.api.data import stored  # needed only when a file is read

    return stored


class Submission(Record):
    """Source folder and run configuration of an Estimator or ScriptRunConfig.

    Attributes:
        folder: source folder, as passed by the user.
        config: run configuration.
    """

    folder: str
    config: RunConfiguration
