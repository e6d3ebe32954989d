"""Environments: the Python interpreter and packages that a script runs with."""

from __future__ import annotations

import os

from trainshed.api.checks import known_keywords
from trainshed.api.configuration.registered_environment import RegisteredEnvironment
from trainshed.api.configuration.runconfig_sections import DEFAULT_GPU_IMAGE, DockerSection, SparkSection
from trainshed.api.section import Section, fill, plain
from trainshed.errors import TYPE_CHECKING, UserErrorException
from trainshed.system.jsons import loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, ClassVar

    from trainshed.api.configuration.conda_dependencies import CondaDependencies
    from trainshed.api.protocols import BuildLike, WorkspaceLike

_DEFINITION = "azureml_environment.json"
_PACKAGES = "conda_dependencies.yml"


class PythonSection(Section):
    """Python interpreter and packages of an environment.

    Attributes:
        user_managed_dependencies: use the existing Python at ``interpreter_path`` instead of building an environment.
        interpreter_path: Python interpreter to use if ``user_managed_dependencies`` is set.
        conda_dependencies_file: path of a conda environment file, relative to the source folder; replaces
            ``conda_dependencies``.
        conda_dependencies: packages to install.
        base_conda_environment: ignored.

    Example:
        >>> section = PythonSection()
        >>> section.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"])
        >>> list(section.conda_dependencies.pip_packages)
        ['azureml-defaults', 'numpy']
    """

    _READERS: ClassVar = {"conda_dependencies": lambda content, _: _dependencies(content)}

    def __init__(self) -> None:
        self.user_managed_dependencies = False
        self.interpreter_path = "python"
        self.conda_dependencies_file: str | None = None
        self._conda_dependencies: CondaDependencies | None = None
        self.base_conda_environment: str | None = None
        self._seal()

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """Packages to install."""
        if self._conda_dependencies is None:
            self._conda_dependencies = _dependencies()
        return self._conda_dependencies

    @conda_dependencies.setter
    def conda_dependencies(self, dependencies: CondaDependencies | None) -> None:
        self._conda_dependencies = dependencies


def _dependencies(content: dict[str, Any] | None = None) -> CondaDependencies:
    from trainshed.api.configuration.conda_dependencies import CondaDependencies  # imported only when needed

    return CondaDependencies(_underlying_structure=content)


class Environment(RegisteredEnvironment):
    """Python interpreter and packages for a run.

    Attributes:
        python: Python interpreter and packages.
        docker: container settings.
        environment_variables: environment variables to set for the script.
        conda_solver: how to install conda packages (Trainshed extension): ``"conda"``, ``"pypi"`` (install the packages
            with the same names from PyPI) or ``"auto"`` (conda if available, otherwise PyPI). Default:
            ``$TRAINSHED_CONDA``, or ``"auto"`` if that is not set.

    Example:
        >>> env = Environment("mine")
        >>> env.python.conda_dependencies.add_pip_package("numpy")
    """

    _notes: tuple[str, ...] = ()

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
        """Create an environment from a conda environment file.

        Raises:
            UserErrorException: the file cannot be read.

        Example:
            >>> env = Environment.from_conda_specification("weather", "./environment.yml")
        """
        from trainshed.api.configuration.conda_dependencies import CondaDependencies

        environment = Environment(name)
        environment.python.conda_dependencies = CondaDependencies(file_path)
        return environment

    @staticmethod
    def from_pip_requirements(
        name: str, file_path: str | os.PathLike[str], pip_version: str | None = None
    ) -> Environment:
        """Create an environment from a pip requirements file.

        Args:
            name: name of the environment.
            file_path: path of the requirements file.
            pip_version: ignored; packages are installed with uv.

        Raises:
            UserErrorException: the file cannot be read.

        Example:
            >>> env = Environment.from_pip_requirements("weather", "./requirements.txt")
        """
        environment = Environment(name)
        environment.python.conda_dependencies.add_requirements_file(os.fspath(file_path))
        return environment

    def clone(self, new_name: str) -> Environment:
        """Return a copy of the environment under a new name.

        Raises:
            UserErrorException: the name is empty or not a string.
        """
        import copy

        if not isinstance(new_name, str) or not new_name:
            raise UserErrorException("clone needs a name for the new environment.")
        environment = copy.deepcopy(self)
        environment.name, environment.version = new_name, None
        return environment

    def build(self, workspace: WorkspaceLike, image_build_compute: str | None = None) -> BuildLike:
        """Start to build the environment, which a run would otherwise do when it needs it.

        Args:
            workspace: workspace whose service builds it.
            image_build_compute: name of the compute target on whose machine it is built. Default: this machine.

        Returns:
            The build; call its ``wait_for_completion()``.

        Example:
            >>> Environment("plain").build(ws).wait_for_completion(show_output=False).status
            'Succeeded'
        """
        return workspace._build(self, image_build_compute)

    def build_local(self, workspace: WorkspaceLike, platform: Any = None, **kwargs: Any) -> str:
        """Build the environment on this machine, and print the output of the build.

        Args:
            workspace: workspace whose service builds it.
            platform: ignored.
            **kwargs: ignored.

        Returns:
            Output of the build.

        Raises:
            ActivityFailedException: the environment cannot be built.
        """
        return workspace._build(self).wait_for_completion(show_output=True).log()

    def save_to_directory(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the environment's definition to a folder.

        Args:
            path: folder to create.
            overwrite: write to the folder even if it exists.

        Raises:
            UserErrorException: the folder exists and ``overwrite`` is False.
        """
        if os.path.isdir(path) and not overwrite:
            raise UserErrorException(
                f"The folder '{os.fspath(path)}' already exists. Choose another one, or pass overwrite=True."
            )
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, _DEFINITION), "w", encoding="utf-8") as file:
            file.write(repr(self))
        self.python.conda_dependencies.save(os.path.join(os.fspath(path), _PACKAGES))

    @staticmethod
    def load_from_directory(path: str | os.PathLike[str]) -> Environment:
        """Load an environment from a folder written by :meth:`save_to_directory`.

        Raises:
            FileNotFoundError: the folder contains no environment definition.
        """
        with open(os.path.join(path, _DEFINITION), "rb") as file:
            return Environment._of_dict(loads(file.read()))

    @staticmethod
    def from_docker_image(
        name: str,
        image: str,
        container_registry: Any = None,
        conda_specification: Any = None,
        pip_requirements: Any = None,
    ) -> Environment:
        """Create an environment based on a container image.

        Args:
            name: name of the environment.
            image: name of the image.
            container_registry: address and credentials of the image's registry, as a :class:`ContainerRegistry`.
            conda_specification: path of a conda environment file.
            pip_requirements: path of a pip requirements file.
        """
        environment = _with_packages(name, conda_specification, pip_requirements)
        environment.docker.base_image = image
        if container_registry is not None:
            environment.docker.base_image_registry = container_registry
        return environment

    @staticmethod
    def from_dockerfile(
        name: str, dockerfile: str, conda_specification: Any = None, pip_requirements: Any = None
    ) -> Environment:
        """Create an environment based on an image built from a Dockerfile.

        Args:
            name: name of the environment.
            dockerfile: path or content of the Dockerfile.
            conda_specification: path of a conda environment file.
            pip_requirements: path of a pip requirements file.
        """
        environment = _with_packages(name, conda_specification, pip_requirements)
        environment.docker.base_image = None
        if os.path.isfile(dockerfile):
            with open(dockerfile, encoding="utf-8") as file:
                dockerfile = file.read()
        environment.docker.base_dockerfile = dockerfile
        return environment

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment | None:
        """Create an environment from a conda environment on this machine. Returns None if it does not exist."""
        import tempfile

        from trainshed.api.configuration.requirements import exported

        content = exported(conda_environment_name)
        if content is None:
            return None
        with tempfile.NamedTemporaryFile(suffix=".yml") as file:
            file.write(content)
            file.flush()
            return _with_packages(name, file.name, None)

    def __repr__(self) -> str:
        import json

        shown = self._to_dict()
        shown["python"]["condaDependencies"] = self.python.conda_dependencies.as_dict()
        return json.dumps(shown, indent=4, sort_keys=True)

    def _to_dict(self) -> dict[str, Any]:
        """Return the environment as a JSON-serializable dict with SDK v1's keys, without the registry's password."""
        definition: dict[str, Any] = plain(self, "environment")
        definition["python"]["condaDependencies"] = self.python.conda_dependencies._record()
        return definition

    @classmethod
    def _of_curated(cls, name: str) -> Environment:
        """Return a curated environment of SDK v1.

        Args:
            name: see :func:`trainshed.api.configuration.curated.curated`.

        Raises:
            UserErrorException: Trainshed does not know the environment.
        """
        from trainshed.api.configuration.curated import curated

        content = curated(name)
        environment = Environment(name)
        environment.version, environment._notes = "1", content.notes
        environment.python.conda_dependencies = _dependencies(content.as_conda())
        if content.gpu:
            environment.docker.base_image = DEFAULT_GPU_IMAGE
        return environment

    @classmethod
    def _curated_names(cls) -> Iterable[str]:
        from trainshed.api.configuration.curated import NAMES

        return NAMES

    @classmethod
    def _of_dict(cls, definition: Mapping[str, Any]) -> Environment:
        """Create an environment from a result of :meth:`_to_dict`."""
        environment = Environment(str(definition.get("name") or "default-environment"))
        fill(environment, {key: value for key, value in definition.items() if value is not None}, "environment")
        return environment

    @staticmethod
    def _of_spec(spec: Mapping[str, Any]) -> Environment:
        """Create the environment of a run from the run's RunSpec as JSON."""
        requested = spec["environment"]
        environment = Environment(str(spec["environment_name"] or "default-environment"))
        python = environment.python
        python.user_managed_dependencies = requested["kind"] == "existing"
        if python.user_managed_dependencies:
            python.interpreter_path = requested["interpreter"]
        else:
            from trainshed.api.configuration.conda_dependencies import CondaDependencies

            python.conda_dependencies = CondaDependencies.create(
                conda_packages=requested["conda"], pip_packages=requested["pip"], python_version=requested["python"]
            )
            for channel in requested["channels"]:
                python.conda_dependencies.add_channel(channel)
            for option in requested["pip_options"]:
                python.conda_dependencies.set_pip_option(option)
            if requested["index_url"]:
                python.conda_dependencies.set_pip_index_url(requested["index_url"])
        container = spec["container"]
        if container:
            docker = environment.docker
            docker.enabled, docker.base_image = True, container["image"] or None
            docker.base_dockerfile, docker.shm_size = container["dockerfile"] or None, container["shm_size"]
            docker.arguments = list(container["arguments"])
            docker.base_image_registry.address = container["registry"] or None
            docker.base_image_registry.username = container["username"] or None
        environment.environment_variables.update(spec["environment_variables"])
        return environment


def _with_packages(name: str, conda_specification: Any, pip_requirements: Any) -> Environment:
    if conda_specification is not None:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements is not None:
        return Environment.from_pip_requirements(name, pip_requirements)
    return Environment(name)
