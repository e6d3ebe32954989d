"""An environment: the Python and the packages that a script finds."""

from __future__ import annotations

import os

from trainshed.api.checks import known_keywords
from trainshed.api.configuration.runconfig_sections import DockerSection, SparkSection
from trainshed.api.section import Section, fill, plain
from trainshed.client.http import quoted
from trainshed.client.jsons import loads
from trainshed.errors import TYPE_CHECKING, NotFoundException, UserErrorException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, ClassVar

    from trainshed.api.configuration.conda_dependencies import CondaDependencies
    from trainshed.api.protocols import WorkspaceLike

_CURATED = "AzureML-"
_LABEL = "label:"
_DEFINITION = "azureml_environment.json"
_PACKAGES = "conda_dependencies.yml"


class PythonSection(Section):
    """The Python of an environment.

    Attributes:
        user_managed_dependencies: True: build nothing, use ``interpreter_path`` as it is.
        interpreter_path: the Python to use then.
        conda_dependencies_file: a conda environment file to use instead of ``conda_dependencies``, relative to the
            source folder.
        conda_dependencies: the packages.
        base_conda_environment: accepted and not used.

    Example:
        >>> section = PythonSection()
        >>> section.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"])
        >>> list(section.conda_dependencies.pip_packages)
        ['azureml-defaults', 'numpy']
    """

    _READERS: ClassVar = {"conda_dependencies": lambda said, _: _dependencies(said)}

    def __init__(self) -> None:
        self.user_managed_dependencies = False
        self.interpreter_path = "python"
        self.conda_dependencies_file: str | None = None
        self._conda_dependencies: CondaDependencies | None = None
        self.base_conda_environment: str | None = None
        self._seal()

    @property
    def conda_dependencies(self) -> CondaDependencies:
        """The packages."""
        if self._conda_dependencies is None:
            self._conda_dependencies = _dependencies()
        return self._conda_dependencies

    @conda_dependencies.setter
    def conda_dependencies(self, dependencies: CondaDependencies | None) -> None:
        self._conda_dependencies = dependencies


def _dependencies(said: dict[str, Any] | None = None) -> CondaDependencies:
    from trainshed.api.configuration.conda_dependencies import CondaDependencies  # not where nothing is to be installed

    return CondaDependencies(_underlying_structure=said)


class Environment(Section):
    """The Python and the packages that a script finds.

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

        Raises:
            UserErrorException: the file cannot be read.

        Example:
            >>> env = Environment.from_conda_specification("weather", "./environment.yml")
        """
        from trainshed.api.configuration.conda_dependencies import CondaDependencies

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

        Example:
            >>> env = Environment.from_pip_requirements("weather", "./requirements.txt")
        """
        made = Environment(name)
        made.python.conda_dependencies.add_requirements_file(os.fspath(file_path))
        return made

    def register(self, workspace: WorkspaceLike) -> Environment:
        """Keep it in a workspace: as a new version, unless it is the newest one already.

        Returns:
            The environment, with its version.

        Example:
            >>> Environment("storms").register(ws).version
            '1'
        """
        said = {key: value for key, value in self._to_dict().items() if key != "version"}
        path = quoted("catalog", "environment", self.name)
        try:
            newest = workspace.connection.call("GET", path)
        except NotFoundException:
            newest = None
        if newest is None or newest["record"] != said:
            newest = workspace.connection.call("POST", path, {"record": said})
        made = Environment._of_dict(said)
        self.version = made.version = str(newest["version"])
        return made

    @staticmethod
    def get(workspace: WorkspaceLike, name: str, version: str | None = None, label: str | None = None) -> Environment:
        """Return an environment of a workspace.

        Args:
            workspace: where it is kept.
            name: its name.
            version: which version; the newest if None.
            label: instead, the version with this label.

        Raises:
            UserErrorException: no such environment, version or label.

        Example:
            >>> env = Environment("weather").register(ws)
            >>> Environment.get(ws, "weather").name
            'weather'
        """
        if name.startswith(_CURATED):
            raise UserErrorException(
                f"'{name}' is an environment of v1's cloud. List its packages instead: "
                "Environment.from_pip_requirements(…), or CondaDependencies.create(pip_packages=[…])."
            )
        if label is not None:
            for entry in _entries(workspace, name=name):
                if _LABEL + label in entry["tags"]:
                    return Environment._of_entry(entry)
            if label not in ("latest", "Latest"):
                raise UserErrorException(f"No version of environment '{name}' has the label '{label}'.")
        if version is not None and not str(version).isdigit():
            raise UserErrorException(f"The version of an environment must be a number, not {version!r}.")
        path = quoted("catalog", "environment", name)
        return Environment._of_entry(workspace.connection.call("GET", path, query={"version": version}))

    @staticmethod
    def list(workspace: WorkspaceLike) -> dict[str, Environment]:
        """Return the newest version of each environment: name → environment."""
        return {entry["name"]: Environment._of_entry(entry) for entry in _entries(workspace, latest=1)}

    @staticmethod
    def label(workspace: WorkspaceLike, name: str, version: str, labels: Iterable[str]) -> None:
        """Give labels to a version; another version of the name that has one of them loses it.

        Raises:
            NotFoundException: no such environment or version.
        """
        wanted = {_LABEL + label: "" for label in labels}
        path = quoted("catalog", "environment", name)
        workspace.connection.call("GET", path, query={"version": version})
        for entry in _entries(workspace, name=name):
            tags = {key: value for key, value in entry["tags"].items() if key not in wanted}
            tags |= wanted if str(entry["version"]) == str(version) else {}
            if tags != entry["tags"]:
                workspace.connection.call("PUT", f"{path}/{entry['version']}", {"tags": tags})

    def clone(self, new_name: str) -> Environment:
        """Return a copy of it under another name.

        Raises:
            UserErrorException: no name.
        """
        import copy

        if not isinstance(new_name, str) or not new_name:
            raise UserErrorException("The copy of an environment needs a name.")
        made = copy.deepcopy(self)
        made.name, made.version = new_name, None
        return made

    def save_to_directory(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write it into a folder.

        Args:
            path: the folder; it is made.
            overwrite: the folder may be there.

        Raises:
            UserErrorException: the folder is there, without ``overwrite``.
        """
        if os.path.isdir(path) and not overwrite:
            raise UserErrorException(
                f"The folder '{os.fspath(path)}' already exists. Choose another one, or pass overwrite=True."
            )
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, _DEFINITION), "w", encoding="utf-8") as file:
            import json

            json.dump(self._to_dict(), file, indent=4)
        self.python.conda_dependencies.save(os.path.join(os.fspath(path), _PACKAGES))

    @staticmethod
    def load_from_directory(path: str | os.PathLike[str]) -> Environment:
        """Return the environment that :meth:`save_to_directory` wrote.

        Raises:
            FileNotFoundError: there is none.
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
        """Return an environment on top of an image.

        Args:
            name: of the environment.
            image: the image.
            container_registry: where it comes from, and as whom.
            conda_specification: a conda environment file.
            pip_requirements: a pip requirements file.
        """
        made = _with_packages(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        if container_registry is not None:
            made.docker.base_image_registry = container_registry
        return made

    @staticmethod
    def from_dockerfile(
        name: str, dockerfile: str, conda_specification: Any = None, pip_requirements: Any = None
    ) -> Environment:
        """Return an environment on top of what a Dockerfile builds.

        Args:
            name: of the environment.
            dockerfile: the file's path, or its text.
            conda_specification: a conda environment file.
            pip_requirements: a pip requirements file.
        """
        made = _with_packages(name, conda_specification, pip_requirements)
        made.docker.base_image = None
        if os.path.isfile(dockerfile):
            with open(dockerfile, encoding="utf-8") as file:
                dockerfile = file.read()
        made.docker.base_dockerfile = dockerfile
        return made

    @staticmethod
    def from_existing_conda_environment(name: str, conda_environment_name: str) -> Environment | None:
        """Return an environment with the packages of a conda environment on this machine; None where there is none."""
        import shutil
        import subprocess
        import tempfile

        conda = shutil.which("conda") or shutil.which("mamba") or shutil.which("micromamba")
        if conda is None:
            return None
        done = subprocess.run(
            [conda, "env", "export", "--name", conda_environment_name, "--no-builds"], capture_output=True, check=False
        )
        if done.returncode:
            return None
        with tempfile.NamedTemporaryFile(suffix=".yml") as file:
            file.write(done.stdout)
            file.flush()
            return _with_packages(name, file.name, None)

    @staticmethod
    def add_private_pip_wheel(
        workspace: WorkspaceLike, file_path: str | os.PathLike[str], exist_ok: bool = False
    ) -> str:
        """Keep a wheel on the workspace's default datastore, to be named among pip packages.

        Returns:
            Its URL.

        Raises:
            UserErrorException: no such file, or one of this name is there.
        """
        name = os.path.basename(file_path)
        if not name.endswith(".whl") or not os.path.isfile(file_path):
            raise UserErrorException(f"There is no wheel '{os.fspath(file_path)}'. Pass the path of a .whl file.")
        from trainshed.api.transfer import opened

        path = quoted("datastores", workspace.get_default_datastore().name, "files", f"wheels/{name}")
        with opened(file_path) as (body, size):
            kept = workspace.connection.upload("PUT", path, body, size)
        if not kept["stored"] and not exist_ok:
            raise UserErrorException(
                f"The wheel '{name}' already exists. Give it another version, or pass exist_ok=True."
            )
        return str(kept["url"])

    def _to_dict(self) -> dict[str, Any]:
        """Return it as JSON types, under v1's names; a registry's password is left out."""
        said: dict[str, Any] = plain(self, "environment")
        said["python"]["condaDependencies"] = self.python.conda_dependencies.as_dict()
        return said

    @staticmethod
    def _of_dict(said: Mapping[str, Any]) -> Environment:
        """Return the environment that :meth:`_to_dict` described."""
        made = Environment(str(said.get("name") or "default-environment"))
        fill(made, {key: value for key, value in said.items() if value is not None}, "environment")
        return made

    @staticmethod
    def _of_entry(entry: Mapping[str, Any]) -> Environment:
        """Return an environment of a workspace's catalog."""
        made = Environment._of_dict({**entry["record"], "name": entry["name"]})
        made.version = str(entry["version"])
        return made

    @staticmethod
    def _of_spec(spec: Mapping[str, Any]) -> Environment:
        """Return the environment of a run, from its RunSpec as JSON."""
        asked = spec["environment"]
        made = Environment(str(spec["environment_name"] or "default-environment"))
        python = made.python
        python.user_managed_dependencies = asked["kind"] == "existing"
        if python.user_managed_dependencies:
            python.interpreter_path = asked["interpreter"]
        else:
            from trainshed.api.configuration.conda_dependencies import CondaDependencies

            python.conda_dependencies = CondaDependencies.create(
                conda_packages=asked["conda"], pip_packages=asked["pip"], python_version=asked["python"]
            )
        made.environment_variables.update(spec["environment_variables"])
        return made


def _entries(workspace: WorkspaceLike, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workspace.connection.call("GET", "/catalog/environment", query=query)["entries"]
    return found


def _with_packages(name: str, conda_specification: Any, pip_requirements: Any) -> Environment:
    if conda_specification is not None:
        return Environment.from_conda_specification(name, conda_specification)
    if pip_requirements is not None:
        return Environment.from_pip_requirements(name, pip_requirements)
    return Environment(name)
