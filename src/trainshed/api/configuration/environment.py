"""An environment: the Python and the packages that a script finds."""

from __future__ import annotations

import os
from typing import Any

from trainshed.api.checks import known_keywords
from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.api.configuration.environment_versions import EnvironmentVersions
from trainshed.api.section import Section

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04"
MPI_CPU_IMAGE = DEFAULT_CPU_IMAGE
MPI_GPU_IMAGE = DEFAULT_GPU_IMAGE
"""Images that stand for "no particular one"."""


class ContainerRegistry(Section):
    """Where images come from, and as whom.

    Attributes:
        address: e.g. ``"registry.example.org"``.
        username: account there.
        password: of the account.
        registry_identity: accepted and not used.
    """

    def __init__(self) -> None:
        self.address: str | None = None
        self.username: str | None = None
        self.password: str | None = None
        self.registry_identity: Any = None
        self._seal()

    def __repr__(self) -> str:
        return f"ContainerRegistry(address={self.address!r}, username={self.username!r})"


class PythonSection(Section):
    """The Python of an environment.

    Attributes:
        user_managed_dependencies: True: build nothing, use ``interpreter_path`` as it is.
        interpreter_path: the Python to use then.
        conda_dependencies_file: a conda environment file to use instead of ``conda_dependencies``, relative to the
            source folder.
        conda_dependencies: the packages.
        base_conda_environment: accepted and not used.
    """

    def __init__(self) -> None:
        self.user_managed_dependencies = False
        self.interpreter_path = "python"
        self.conda_dependencies_file: str | None = None
        self._conda_dependencies = CondaDependencies()
        self.base_conda_environment: str | None = None
        self._seal()

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """The packages."""
        return self._conda_dependencies

    @conda_dependencies.setter
    def conda_dependencies(self, dependencies: CondaDependencies | None) -> None:
        self._conda_dependencies = dependencies if dependencies is not None else CondaDependencies()


class DockerSection(Section):
    """The container of an environment.

    Attributes:
        enabled: run in a container.
        base_image: the image.
        base_image_registry: where it comes from.
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
    """Accepted and not used."""

    def __init__(self) -> None:
        self.repositories: list[str] = []
        self.packages: list[Any] = []
        self.precache_packages = True
        self._seal()


class Environment(Section, EnvironmentVersions):
    """The Python and the packages that a script finds.

    Args:
        name: shown in records.

    Attributes:
        python: interpreter and packages.
        docker: container.
        environment_variables: set for the script.
        conda_solver: how conda packages are met (ours): ``"conda"``, ``"pypi"`` (by packages of those names on PyPI),
            ``"auto"`` (conda where it can be had) or None for ``$TRAINSHED_CONDA``, else ``"auto"``.

    Example:
        >>> env = Environment("mine")
        >>> env.python.conda_dependencies.add_pip_package("numpy")
    """

    @known_keywords
    def __init__(self, name: str) -> None:
        self.name = name
        self.version: str | None = None
        self.python = PythonSection()
        self.docker = DockerSection()
        self.spark = SparkSection()
        self.databricks: Any = None
        self.r: Any = None
        self.inferencing_stack_version: str | None = None
        self.environment_variables: dict[str, str] = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
        self.conda_solver: str | None = None
        self._seal()

    @staticmethod
    def from_conda_specification(name: str, file_path: str | os.PathLike[str]) -> Environment:
        """Return an environment with the packages of a conda environment file.

        Args:
            name: of the environment.
            file_path: the file.

        Raises:
            UserErrorException: the file cannot be read.
        """
        made = Environment(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str | os.PathLike[str], pip_version: str | None = None
    ) -> Environment:
        """Return an environment with the packages of a pip requirements file.

        Args:
            name: of the environment.
            file_path: the file.
            pip_version: accepted and not used: packages are installed by uv.

        Raises:
            UserErrorException: the file cannot be read.
        """
        made = Environment(name)
        made.python.conda_dependencies.add_requirements_file(os.fspath(file_path))
        return made
