"""The packages of an environment, in the shape of a conda environment file."""

from __future__ import annotations

import os

from trainshed.api.checks import known_keywords
from trainshed.api.configuration.requirements import (
    OPTIONS,
    check_conda,
    check_requirement,
    read_conda_file,
    read_requirements,
)
from trainshed.errors import TYPE_CHECKING, UserErrorException, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

SDK = "azureml-defaults"
"""v1 put it first in every environment; here it stands for what a run brings along anyway."""
DEFAULT_FILE = ".azureml/conda_dependencies.yml"
_NAME = r"\s*(?:[^\s:]+::)?([A-Za-z0-9][A-Za-z0-9._-]*)"
_PYTHON = r"python\s*(={1,2})?\s*([0-9][0-9A-Za-z.*]*)"


class CondaDependencies:
    """Conda and pip packages, channels and the Python version.

    Unlike v1 no Python version is asked for unless you ask for one.

    Args:
        conda_dependencies_file_path: a conda environment file to begin with.

    Raises:
        UserErrorException: the file cannot be read or has another shape.

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
            said = read_conda_file(os.fspath(conda_dependencies_file_path))
        elif _underlying_structure is not None:
            said = check_conda(_underlying_structure, "CondaDependencies")
        else:
            said = {"name": "project_environment", "dependencies": [{"pip": [SDK]}], "channels": []}
        self._said = said

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Iterable[str] | None = None,
        conda_packages: Iterable[str] | None = None,
        python_version: str | None = None,
        pin_sdk_version: bool = True,
    ) -> CondaDependencies:
        """Return dependencies made of these packages.

        Args:
            pip_indexurl: package index.
            pip_packages: pip requirements.
            conda_packages: conda packages.
            python_version: e.g. ``"3.11"``.
            pin_sdk_version: accepted and not used.

        Raises:
            UserErrorException: a string where a list belongs, or an item that names no package.

        Example:
            >>> deps = CondaDependencies.create(pip_packages=["numpy<3"], python_version="3.11")
            >>> list(deps.pip_packages)
            ['azureml-defaults', 'numpy<3']
        """
        made = CondaDependencies()
        for package in _listed(conda_packages, "conda_packages"):
            made.add_conda_package(package)
        for package in _listed(pip_packages, "pip_packages"):
            made.add_pip_package(package)
        if pip_indexurl:
            made.set_pip_index_url(pip_indexurl)
        if python_version:
            made.set_python_version(python_version)
        return made

    @staticmethod
    def merge_requirements(requirements: Sequence[str]) -> list[str]:
        """Return the requirements of the same package as one, e.g. ``["a>1", "a<3"]`` → ``["a>1,<3"]``."""
        merged: dict[str, list[str]] = {}
        for requirement in requirements:
            name = _name(requirement)
            parts = merged.setdefault(name, [])
            bound = requirement.strip()[len(name) :].strip()
            if bound:
                parts.append(bound)
        return [name + ",".join(parts) for name, parts in merged.items()]

    def _conda(self) -> list[str]:
        return [item for item in self._said["dependencies"] if isinstance(item, str)]

    def _pip(self) -> list[str]:
        """Return the list under ``pip:``, to be changed in place."""
        for item in self._said["dependencies"]:
            if isinstance(item, dict):
                lines: list[str] = item["pip"]
                return lines
        self._said["dependencies"].append({"pip": []})
        return self._pip()

    @property
    def conda_packages(self) -> Iterator[str]:
        """The conda packages, without Python."""
        return (item for item in self._conda() if _name(item) != "python")

    @property
    def pip_packages(self) -> Iterator[str]:
        """The pip requirements."""
        return (line for line in self._pip() if not line.startswith("-"))

    @property
    def pip_options(self) -> Iterator[str]:
        """Options for pip, such as ``"--extra-index-url URL"``."""
        return (line for line in self._pip() if line.startswith("-"))

    @property
    def conda_channels(self) -> Iterator[str]:
        """The conda channels, in order of priority."""
        return iter(self._said["channels"])

    @staticmethod
    def sdk_origin_url() -> str:
        """Return the index that packages come from by default."""
        return "https://pypi.org/simple"

    def add_cntk_package(self, core_type: str = "cpu") -> None:
        """Add CNTK, which has not been released since Python 3.6: building the environment will say so.

        Args:
            core_type: ``"cpu"`` or ``"gpu"``.
        """
        self.add_pip_package("cntk-gpu" if core_type == "gpu" else "cntk")

    def add_tensorflow_pip_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Add TensorFlow from PyPI.

        Args:
            core_type: ``"cpu"`` or ``"gpu"``; PyPI's package is for both.
            version: which release.
        """
        self.add_pip_package("tensorflow" + (f"=={version}" if version else ""))

    def add_tensorflow_conda_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """Add TensorFlow from conda.

        Args:
            core_type: ``"cpu"`` or ``"gpu"``.
            version: which release.
        """
        name = "tensorflow-gpu" if core_type == "gpu" else "tensorflow"
        self.add_conda_package(name + (f"={version}" if version else ""))

    def get_default_number_of_packages(self) -> int:
        """Return how many packages an empty object lists."""
        return 1

    def get_python_version(self) -> str | None:
        """Return the Python version asked for, or None if none is."""
        import re  # see _name

        for item in self._conda():
            if _name(item) == "python":
                match = re.fullmatch(_PYTHON, item.strip())
                rest = match.group(2).removesuffix(".*") if match else item.strip()[len("python") :].strip()
                return rest or None
        return None

    def set_python_version(self, version: str) -> None:
        """Ask for a Python version.

        Args:
            version: e.g. ``"3.11"``.
        """
        self._drop_conda("python")
        self._said["dependencies"].insert(0, f"python={version}")

    def add_channel(self, channel: str) -> None:
        """Add a conda channel, after the others."""
        if channel not in self._said["channels"]:
            self._said["channels"].append(channel)

    def remove_channel(self, channel: str) -> None:
        """Remove a conda channel."""
        _remove(self._said["channels"], channel, "channel")

    def add_conda_package(self, conda_package: str) -> None:
        """Add a conda package; one of the same name is replaced.

        Args:
            conda_package: e.g. ``"scikit-learn>=1.4"``.

        Example:
            >>> deps = CondaDependencies()
            >>> deps.add_conda_package("scikit-learn>=1.4")
            >>> list(deps.conda_packages)
            ['scikit-learn>=1.4']
        """
        name = _name(conda_package)
        items = self._said["dependencies"]
        place = next((i for i, item in enumerate(items) if isinstance(item, str) and _name(item) == name), None)
        if place is None:
            items.append(conda_package)
        else:
            items[place] = conda_package

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a conda package.

        Raises:
            UserErrorException: it is not there.
        """
        if not self._drop_conda(_name(conda_package)):
            raise UserErrorException(
                f"There is no conda package '{conda_package}' to remove.{did_you_mean(conda_package, self._conda())}"
            )

    def _drop_conda(self, name: str) -> bool:
        items = self._said["dependencies"]
        kept = [item for item in items if not (isinstance(item, str) and _name(item) == name)]
        self._said["dependencies"] = kept
        return len(kept) < len(items)

    def add_pip_package(self, pip_package: str) -> None:
        """Add a pip requirement; one of the same package is replaced.

        Args:
            pip_package: e.g. ``"numpy<3"``, or a URL.

        Raises:
            UserErrorException: it cannot be read as a requirement.

        Example:
            >>> deps = CondaDependencies.create(pip_packages=["numpy"])
            >>> deps.add_pip_package("numpy<3")
            >>> list(deps.pip_packages)
            ['azureml-defaults', 'numpy<3']
        """
        check_requirement(pip_package)
        lines, name = self._pip(), _name(pip_package)
        lines[:] = [line for line in lines if line.startswith("-") or _name(line) != name]
        lines.append(pip_package)

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a pip requirement.

        Raises:
            UserErrorException: it is not there.
        """
        lines, name = self._pip(), _name(pip_package)
        kept = [line for line in lines if line.startswith("-") or _name(line) != name]
        if len(kept) == len(lines):
            raise UserErrorException(f"There is no pip package '{pip_package}' to remove.{did_you_mean(name, lines)}")
        lines[:] = kept

    def set_pip_option(self, pip_option: str) -> None:
        """Add an option for pip.

        Args:
            pip_option: one of ``--index-url URL``, ``--extra-index-url URL``, ``--find-links PLACE``,
                ``--trusted-host HOST``, ``--pre``.

        Raises:
            UserErrorException: another one.
        """
        if pip_option.replace("=", " ", 1).split(" ")[0] not in OPTIONS:
            raise UserErrorException(f"pip option {pip_option!r} cannot be used here. Available: {', '.join(OPTIONS)}.")
        if pip_option not in self._pip():
            self._pip().insert(0, pip_option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Remove an option for pip.

        Raises:
            UserErrorException: it is not there.
        """
        _remove(self._pip(), pip_option, "pip option")

    def set_pip_index_url(self, index_url: str) -> None:
        """Take pip packages from another index."""
        self._pip()[:] = [line for line in self._pip() if not line.startswith("--index-url")]
        self.set_pip_option(f"--index-url {index_url}")

    def set_pip_requirements(self, pip_requirements: Iterable[str]) -> None:
        """Replace all pip requirements."""
        self._pip()[:] = [*self.pip_options, *_listed(pip_requirements, "pip_requirements")]

    def add_requirements_file(self, path: str) -> None:
        """Add what a pip requirements file lists (ours)."""
        packages, options = read_requirements(path)
        for package in packages:
            self.add_pip_package(package)
        for option in reversed(options):
            self.set_pip_option(option)

    def as_dict(self) -> dict[str, Any]:
        """Return the content of the conda environment file."""
        return {**self._said, "dependencies": [_copied(item) for item in self._said["dependencies"]]}

    def serialize_to_string(self) -> str:
        """Return the conda environment file as text."""
        import yaml  # only those who write it wait for it

        text: str = yaml.safe_dump(self.as_dict(), sort_keys=False)
        return "# Conda environment file: packages for conda and, under pip:, for pip.\n" + text

    def save(self, path: str | None = None) -> None:
        """Write the conda environment file.

        Args:
            path: the file; ``conda_dependencies.yml`` if None.

        Raises:
            UserErrorException: it cannot be written.
        """
        try:
            with open(path or "conda_dependencies.yml", "w", encoding="utf-8") as file:
                file.write(self.serialize_to_string())
        except OSError as error:
            raise UserErrorException(f"The conda file {path} cannot be written: {error.strerror}.") from None

    def save_to_file(self, base_directory: str, conda_file_path: str | None = None) -> str:
        """Write the conda environment file below a folder.

        Returns:
            The path in it.
        """
        relative = conda_file_path or DEFAULT_FILE
        target = os.path.join(base_directory, relative)
        os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
        self.save(target)
        return relative


def _listed(packages: Iterable[str] | None, parameter: str) -> list[str]:
    if isinstance(packages, str):
        raise UserErrorException(
            f"'{parameter}' must be a list of packages, not the string {packages!r}: [{packages!r}]."
        )
    found = list(packages or ())
    for package in found:
        if not isinstance(package, str) or not package.strip():
            raise UserErrorException(f"'{parameter}': {package!r} is not the name of a package.")
    return found


def _name(package: str) -> str:
    """Return the name of a package, comparable; a URL or a path stands for itself."""
    import re  # 5 ms that a submit without packages does not pay

    match = re.match(_NAME, package)
    if not match or "://" in package.partition("@")[0]:
        return package
    return match.group(1).lower().replace("_", "-")


def _remove(items: list[str], item: str, what: str) -> None:
    if item not in items:
        raise UserErrorException(f"There is no {what} '{item}' to remove.{did_you_mean(item, items)}")
    items.remove(item)


def _copied(item: Any) -> Any:
    return {"pip": list(item["pip"])} if isinstance(item, dict) else item
