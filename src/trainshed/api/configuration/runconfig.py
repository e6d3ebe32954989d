"""A run configuration: everything about how a script runs but the folder it is in."""

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
"""v1's 30 days; as it stands for "nobody set a limit", it sets none here."""
ON_DEMAND = "amlcompute"
"""v1's name for the target of a run that only names a size of machine."""


class RunConfiguration(Section):
    """How a script runs: target, arguments, environment, data.

    Args:
        script: Python file, relative to the source folder.
        arguments: of the script.
        framework: ``"Python"``, ``"PyTorch"`` or ``"TensorFlow"``.
        communicator: how several processes find each other: ``"None"``, ``"OpenMpi"`` (or ``"IntelMpi"``, ``"Mpi"``:
            all mean the MPI there is), ``"Nccl"``, ``"Gloo"`` or ``"ParameterServer"``.
        conda_dependencies: packages of its environment.
        command: argv to run instead of a script.

    Example:
        >>> config = RunConfiguration()
        >>> config.environment.python.user_managed_dependencies = True
        >>> config.target
        'local'
    """

    _READERS: ClassVar = {"data_references": read_references}

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
        self.docker = self._untold = DockerConfiguration()
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
        own = super()._settings()
        return {"script": own.pop("script"), "arguments": own.pop("arguments"), "target": self.target, **own}

    def _references(self) -> References:
        """Return the data of its runs; what is added to it is added here."""
        return References(self.data_references, self.data, self.output_data)

    @property
    def target(self) -> str:
        """Name of the compute target; may be set to a target or to its name."""
        return self._target

    @target.setter
    def target(self, target: str | TargetLike) -> None:
        self._target = target if isinstance(target, str) else str(target.name)

    def _distribute(self, how: Any, parameter: str, error: type[TrainshedError], mpi: str = "IntelMpi") -> None:
        """Write down how several processes find each other.

        Args:
            how: a configuration of MPI, PyTorch or TensorFlow, or one of the former ways, for the counts that are set
                already; None changes nothing.
            parameter: which parameter of the user's this is.
            error: what to raise if it is nothing of the kind.
            mpi: v1's name for MPI there.
        """
        if how is None:
            return
        if isinstance(how, MpiConfiguration):
            self.mpi, self.communicator = how, "Mpi" if isinstance(how, Mpi) else mpi
        elif isinstance(how, TensorflowConfiguration):
            self.framework, self.communicator, self.tensorflow = "TensorFlow", "ParameterServer", how
        elif isinstance(how, PyTorchConfiguration):
            self.framework, self.communicator, self.pytorch = "PyTorch", how.communication_backend, how
        elif isinstance(how, (Gloo, Nccl)):
            backend, nodes = type(how).__name__, self.node_count
            self.framework, self.communicator = "PyTorch", backend.lower()
            self.pytorch = PyTorchConfiguration(backend, nodes * self.mpi.process_count_per_node, nodes)
        elif isinstance(how, ParallelTaskConfiguration):
            raise error("Parallel tasks ran only on v1's own service. Use MpiConfiguration for several processes.")
        else:
            raise error(
                f"{parameter} must be MpiConfiguration, PyTorchConfiguration or TensorflowConfiguration, "
                f"not {type(how).__name__}."
            )

    def _docker_said(self) -> bool:
        """Tell whether somebody said if docker is to be used, be it yes or no."""
        return self.docker is not self._untold

    @property
    def batchai(self) -> RunConfiguration:
        """Where ``node_count`` was in 2018: ``config.batchai.node_count = 2``."""
        warn("RunConfiguration.batchai was removed in 2018. Set node_count on the run configuration itself.")
        return self

    def save(
        self,
        path: str | os.PathLike[str] | None = None,
        name: str | None = None,
        separate_environment_yaml: bool = False,
    ) -> None:
        """Write it as ``<path>/.azureml/<name>.runconfig`` (``aml_config/`` where there is one), with its packages.

        A registry's password is not written.

        Args:
            path: an existing folder, or the file to write; None: where it was loaded from, else the current folder.
            name: of the configuration; None: the one it was loaded by.
            separate_environment_yaml: write the environment to a file of its own beside it.

        Raises:
            FileNotFoundError: the folder does not exist.
            UserErrorException: no name, or one that cannot name a file.

        Example:
            >>> RunConfiguration("train.py").save(".", "trial")
            >>> RunConfiguration.load(".", "trial").script
            'train.py'
        """
        from trainshed.api.configuration import runconfig_files  # with PyYAML, for which a submit need not wait

        runconfig_files.save(self, path, name, separate_environment_yaml)

    @staticmethod
    def load(path: str | os.PathLike[str], name: str | None = None) -> RunConfiguration:
        """Read what :meth:`save`, or SDK v1, wrote.

        Args:
            path: the folder above ``.azureml/`` or ``aml_config/``, or the file itself.
            name: of the configuration; not needed with a file.

        Raises:
            UserErrorException: no such file, no YAML, or a value of a wrong type; it is named.

        Example:
            >>> path = RunConfiguration("train.py").save(".", "cluster")
            >>> RunConfiguration.load(".", "cluster").script
            'train.py'
        """
        from trainshed.api.configuration import runconfig_files

        return runconfig_files.load(path, name, RunConfiguration)

    @staticmethod
    def delete(path: str | os.PathLike[str], name: str) -> None:
        """Remove a configuration's file; its packages' file stays, as others may use it.

        Args:
            path: the folder above ``.azureml/`` or ``aml_config/``.
            name: of the configuration.

        Raises:
            UserErrorException: no such file.
        """
        from trainshed.api.configuration import runconfig_files

        runconfig_files.delete(path, name)


class Submission(Record):
    """What an Estimator or a ScriptRunConfig comes down to.

    Attributes:
        folder: the source folder, as it was given.
        config: how to run what is in it.
    """

    folder: str
    config: RunConfiguration
