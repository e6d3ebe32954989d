"""Conda and pip packages of an environment."""

from __future__ import annotations

import os

from trainshed.api.checks import known_keywords
from trainshed.api.configuration.requirements import (
    OPTIONS,
    SDK,
    UNASKED,
    Unasked,
    check_conda,
    check_requirement,
    read_conda_file,
    read_requirements,
    with_unasked,
)
from trainshed.errors import TYPE_CHECKING, UserErrorException, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

DEFAULT_FILE = ".azureml/conda_dependencies.yml"
_NAME = r"\s*(?:[^\s:]+::)?([A-Za-z0-9][A-Za-z0-9._-]*)"
_PYTHON = r"python\s*(={1,2})?\s*([0-9][0-9A-Za-z.*]*)"


class CondaDependencies:
    """Conda and pip packages, conda channels, and the Python version of an environment.

    Unlike in SDK v1, there is no default Python version.

    Args:
        conda_dependencies_file_path: path of a conda environment file with the initial packages.

    Raises:
        UserErrorException: the file cannot be read, or is not a conda environment file.

    Example:
        >>> deps = CondaDependencies.create(conda_packages=["scikit-learn"], pip_packages=["numpy<3"])
        >>> list(deps.conda_packages), list(deps.pip_packages)
        (['scikit-learn'], ['azureml-defaults', 'numpy<3'])
    """

    @known_keywords
    def __init__(
        self,
        conda_dependencies_file_path: str | os.PathLike[str] | None = None,
        _underlying_structure: dict[str, Any] | None = None,
    ) -> None:
        if conda_dependencies_file_path is not None:
            content = read_conda_file(os.fspath(conda_dependencies_file_path))
        elif _underlying_structure is not None:
            content = with_unasked(check_conda(_underlying_structure, "CondaDependencies"))
        else:
            content = {"name": "project_environment", "dependencies": [{"pip": [Unasked(SDK)]}], "channels": []}
        self._content = content

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Iterable[str] | None = None,
        conda_packages: Iterable[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Create dependencies from lists of packages.

        Args:
            pip_indexurl: URL of the package index for pip packages.
            pip_packages: pip requirements, e.g. ``["numpy<3"]``.
            conda_packages: conda packages, e.g. ``["scikit-learn>=1.4"]``.
            python_version: e.g. ``"3.11"``.
            pin_sdk_version: ignored.

        Raises:
            UserErrorException: a list of packages is a string, or an item is not a package.

        Example:
            >>> deps = CondaDependencies.create(pip_packages=["numpy<3"], python_version="3.11")
            >>> list(deps.pip_packages)
            ['azureml-defaults', 'numpy<3']
        """
        dependencies = CondaDependencies()
        for package in _listed(conda_packages, "conda_packages"):
            dependencies.add_conda_package(package)
        for package in _listed(pip_packages, "pip_packages"):
            dependencies.add_pip_package(package)
        if pip_indexurl:
            dependencies.set_pip_index_url(pip_indexurl)
        if python_version:
            dependencies.set_python_version(python_version)
        return dependencies

    @staticmethod
    def merge_requirements(requirements: Sequence[str]) -> list[str]:
        """Combine requirements of the same package, e.g. ``["a>1", "a<3"]`` → ``["a>1,<3"]``."""
        merged: dict[str, list[str]] = {}
        for requirement in requirements:
            name = package_name(requirement)
            parts = merged.setdefault(name, [])
            bound = requirement.strip()[len(name) :].strip()
            if bound:
                parts.append(bound)
        return [name + ",".join(parts) for name, parts in merged.items()]

    def _conda(self) -> list[str]:
        return [item for item in self._content["dependencies"] if isinstance(item, str)]

    def _pip(self) -> list[str]:
        """Return the list under ``pip:``, which callers modify in place."""
        for item in self._content["dependencies"]:
            if isinstance(item, dict):
                lines: list[str] = item["pip"]
                return lines
        self._content["dependencies"].append({"pip": []})
        return self._pip()

    @property
    def conda_packages(self) -> Iterator[str]:
        """Conda packages, without Python."""
        return (item for item in self._conda() if package_name(item) != "python")

    @property
    def pip_packages(self) -> Iterator[str]:
        """Pip requirements."""
        return (line for line in self._pip() if not line.startswith("-"))

    @property
    def pip_options(self) -> Iterator[str]:
        """Options for pip, such as ``"--extra-index-url URL"``."""
        return (line for line in self._pip() if line.startswith("-"))

    @property
    def conda_channels(self) -> Iterator[str]:
        """Conda channels, in order of priority."""
        return iter(self._content["channels"])

    @staticmethod
    def sdk_origin_url() -> str:
        """Return the URL of the default package index."""
        return "https://pypi.org/simple"

    def add_cntk_package(self, core_type: str = "cpu") -> None:
        """Add CNTK. Building the environment fails on current Python versions: the last CNTK supports Python 3.6.

        Args:
            core_type: ``"cpu"`` or ``"gpu"``.
        """
        self.add_pip_package("cntk-gpu" if core_type == "gpu" else "cntk")

    def add_tensorflow_pip_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Add TensorFlow from PyPI.

        Args:
            core_type: ``"cpu"`` or ``"gpu"``; the package on PyPI supports both.
            version: exact version.
        """
        self.add_pip_package("tensorflow" + (f"=={version}" if version else ""))

    def add_tensorflow_conda_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Add TensorFlow from conda.

        Args:
            core_type: ``"cpu"`` or ``"gpu"``.
            version: exact version.
        """
        name = "tensorflow-gpu" if core_type == "gpu" else "tensorflow"
        self.add_conda_package(name + (f"={version}" if version else ""))

    def get_default_number_of_packages(self) -> int:
        """Return the number of packages in a new instance."""
        return 1

    def get_python_version(self) -> str | None:
        """Return the requested Python version, or None if none is set."""
        import re  # see package_name

        for item in self._conda():
            if package_name(item) == "python":
                match = re.fullmatch(_PYTHON, item.strip())
                rest = match.group(2).removesuffix(".*") if match else item.strip()[len("python") :].strip()
                return rest or None
        return None

    def set_python_version(self, version: str) -> None:
        """Set the Python version.

        Args:
            version: e.g. ``"3.11"``.
        """
        self._drop_conda("python")
        self._content["dependencies"].insert(0, f"python={version}")

    def add_channel(self, channel: str) -> None:
        """Add a conda channel, with lower priority than the existing ones."""
        if channel not in self._content["channels"]:
            self._content["channels"].append(channel)

    def remove_channel(self, channel: str) -> None:
        """Remove a conda channel."""
        _remove(self._content["channels"], channel, "channel")

    def add_conda_package(self, conda_package: str) -> None:
        """Add a conda package, replacing any package with the same name.

        Args:
            conda_package: e.g. ``"scikit-learn>=1.4"``.

        Example:
            >>> deps = CondaDependencies()
            >>> deps.add_conda_package("scikit-learn>=1.4")
            >>> list(deps.conda_packages)
            ['scikit-learn>=1.4']
        """
        name = package_name(conda_package)
        items = self._content["dependencies"]
        index = next((i for i, item in enumerate(items) if isinstance(item, str) and package_name(item) == name), None)
        if index is None:
            items.append(conda_package)
        else:
            items[index] = conda_package

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a conda package.

        Raises:
            UserErrorException: the package is not listed.
        """
        if not self._drop_conda(package_name(conda_package)):
            raise UserErrorException(
                f"There is no conda package '{conda_package}' to remove.{did_you_mean(conda_package, self._conda())}"
            )

    def _drop_conda(self, name: str) -> bool:
        items = self._content["dependencies"]
        kept = [item for item in items if not (isinstance(item, str) and package_name(item) == name)]
        self._content["dependencies"] = kept
        return len(kept) < len(items)

    def add_pip_package(self, pip_package: str) -> None:
        """Add a pip requirement, replacing any requirement of the same package.

        Args:
            pip_package: e.g. ``"numpy<3"``, or a URL.

        Raises:
            UserErrorException: ``pip_package`` is not a valid requirement.

        Example:
            >>> deps = CondaDependencies.create(pip_packages=["numpy"])
            >>> deps.add_pip_package("numpy<3")
            >>> list(deps.pip_packages)
            ['azureml-defaults', 'numpy<3']
        """
        check_requirement(pip_package)
        lines, name = self._pip(), package_name(pip_package)
        lines[:] = [line for line in lines if line.startswith("-") or package_name(line) != name]
        lines.append(pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a pip requirement.

        Raises:
            UserErrorException: the package is not listed.
        """
        lines, name = self._pip(), package_name(pip_package)
        kept = [line for line in lines if line.startswith("-") or package_name(line) != name]
        if len(kept) == len(lines):
            raise UserErrorException(f"There is no pip package '{pip_package}' to remove.{did_you_mean(name, lines)}")
        lines[:] = kept

    def set_pip_option(self, pip_option: str) -> None:
        """Add a pip option.

        Args:
            pip_option: ``--index-url URL``, ``--extra-index-url URL``, ``--find-links LOCATION``,
                ``--trusted-host HOST`` or ``--pre``.

        Raises:
            UserErrorException: the option is not supported.
        """
        if pip_option.replace("=", " ", 1).split(" ")[0] not in OPTIONS:
            raise UserErrorException(f"Unsupported pip option {pip_option!r}. Available: {', '.join(OPTIONS)}.")
        if pip_option not in self._pip():
            self._pip().insert(0, pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Remove a pip option.

        Raises:
            UserErrorException: the option is not set.
        """
        _remove(self._pip(), pip_option, "pip option")

    def set_pip_index_url(self, index_url: str) -> None:
        """Set the package index for pip packages."""
        self._pip()[:] = [line for line in self._pip() if not line.startswith("--index-url")]
        self.set_pip_option(f"--index-url {index_url}")

    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Replace all pip requirements."""
        self._pip()[:] = [*self.pip_options, *_listed(pip_requirements, "pip_requirements")]

    def add_requirements_file(self, path: str) -> None:
        """Add the packages and options of a pip requirements file (Trainshed extension)."""
        packages, options = read_requirements(path)
        for package in packages:
            self.add_pip_package(package)
        for option in reversed(options):
            self.set_pip_option(option)

    def as_dict(self) -> dict[str, Any]:
        """Return the dependencies as a dict in the format of a conda environment file."""
        return {**self._content, "dependencies": [_copied(item) for item in self._content["dependencies"]]}

    def _record(self) -> dict[str, Any]:
        """Return :meth:`as_dict` with a key that tells whether somebody asked for the default package."""
        unasked = any(isinstance(line, Unasked) for line in self._pip())
        return {**self.as_dict(), **({UNASKED: True} if unasked else {})}

    def serialize_to_string(self) -> str:
        """Return the dependencies as YAML text in the format of a conda environment file."""
        import yaml  # imported only when needed

        text: str = yaml.safe_dump(self.as_dict(), sort_keys=False)
        return "# Conda environment file: packages for conda and, under pip:, for pip.\n" + text

    def save(self, path: str | None = None) -> None:
        """Write a conda environment file.

        Args:
            path: path of the file. Default: ``"conda_dependencies.yml"``.

        Raises:
            UserErrorException: the file cannot be written.
        """
        try:
            with open(path or "conda_dependencies.yml", "w", encoding="utf-8") as file:
                file.write(self.serialize_to_string())
        except OSError as error:
            raise UserErrorException(f"The conda file {path} cannot be written: {error.strerror}.") from None

    def save_to_file(self, base_directory: str, conda_file_path: str | None = None) -> str:
        """Write a conda environment file in a folder.

        Args:
            base_directory: the folder.
            conda_file_path: path relative to it. Default: ``".azureml/conda_dependencies.yml"``.

        Returns:
            Path of the file, relative to the folder.
        """
        relative = conda_file_path or DEFAULT_FILE
        target = os.path.join(base_directory, relative)
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        self.save(target)
        return relative


def _listed(packages: Iterable[str] | None, parameter: str) -> list[str]:
    if isinstance(packages, str):
        raise UserErrorException(f"'{parameter}' must be a list of packages, not a string. Pass [{packages!r}].")
    found = list(packages or ())
    for package in found:
        if not isinstance(package, str) or not package.strip():
            raise UserErrorException(f"'{parameter}': {package!r} is not a package name.")
    return found


def package_name(package: str) -> str:
    """Return the normalized name of a package. URLs and paths are returned unchanged."""
    import re  # takes 5 ms, which submits without packages save

    match = re.match(_NAME, package)
    if not match or "://" in package.partition("@")[0]:
        return package
    return match.group(1).lower().replace("_", "-")


def _remove(items: list[str], item: str, what: str) -> None:
    if item not in items:
        raise UserErrorException(f"There is no {what} '{item}' to remove.{did_you_mean(item, items)}")
    items.remove(item)


def _copied(item: Any) -> Any:
    return {"pip": [str(line) for line in item["pip"]]} if isinstance(item, dict) else item
