"""Reading and writing of ``.azureml/<name>.runconfig``, or ``aml_config/<name>.runconfig`` (early SDK releases)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.api.configuration.requirements import read_yaml
from trainshed.api.data.data_reference import DataReference, References
from trainshed.api.section import Section, camel, fill, plain
from trainshed.client.notice import warn
from trainshed.errors import UserErrorException, did_you_mean
from trainshed.system import files

_FOLDERS = (".azureml", "aml_config")
_SUFFIX = ".runconfig"
_PACKAGES = "conda_dependencies"
_RENAMED = ("prepareEnvironment", "batchai")
"""Keys of early SDK releases that have been renamed (see ``_upgraded``)."""


class Configuration(Protocol):
    """A run configuration, see :class:`~trainshed.api.configuration.runconfig.RunConfiguration`."""

    arguments: list[Any]
    environment: Any
    _path: Any
    _name: str | None


Made = TypeVar("Made", bound=Section)


def save(config: Configuration, path: Any, name: str | None, separate: bool) -> None:
    """Write a run configuration. See :meth:`RunConfiguration.save` for arguments and errors."""
    file = _file_to_write(config, path, name)
    root, previous = _root(file), _read(file) if os.path.isfile(file) else {}
    content = plain(_with_names_for_data(config), "RunConfiguration")
    environment = content["environment"]
    environment["python"][camel("conda_dependencies_file")] = _save_packages(config, file, root, previous)
    if config.environment.docker.base_image_registry.password:
        warn(f"The registry's password is not written to {file}. Set it after loading.")
    if separate:
        environment_file = os.path.join(os.path.dirname(file), "environment.yml")
        _write(environment_file, "Environment of a run configuration.", environment)
        content["environment"] = os.path.basename(environment_file)
    _write(file, "Run configuration.", content)


def load(path: str | os.PathLike[str], name: str | None, make: Callable[..., Made]) -> Made:
    """Read a run configuration. See :meth:`RunConfiguration.load` for arguments and errors."""
    file = _file_to_read(path, name)
    content = _read(file)
    root = _root(file)
    if isinstance(content.get("environment"), str):
        content["environment"] = _read(os.path.join(os.path.dirname(file), content["environment"]))
    config = make(_path=root, _name=_stem(file))
    fill(config, _upgraded(content), file)
    python: Any = config.environment.python  # type: ignore[attr-defined]
    if python.conda_dependencies_file and not python.user_managed_dependencies:
        packages = os.path.join(root, python.conda_dependencies_file)
        # SDK v1 writes the name of the default file to every configuration, even if the file does not exist.
        if os.path.isfile(packages) or os.path.basename(packages) != f"{_PACKAGES}.yml":
            python.conda_dependencies = CondaDependencies(packages)
    # The packages have been loaded; later changes to them must not be overridden by the file.
    python.conda_dependencies_file = None
    return config


def _with_names_for_data(config: Any) -> Any:
    """Return a configuration in which data is described by name, and arguments refer to it by these names."""
    from trainshed.api.data.stored import input_to_file, output_to_file

    named, references = (
        config._copy(),
        References(dict(config.data_references), dict(config.data), dict(config.output_data)),
    )
    for each in config.arguments or ():
        if isinstance(each, DataReference):
            references.data_references[each.data_reference_name] = each.to_config()
    named.arguments = [
        each._as_argument(references) if hasattr(each, "_as_argument") else each for each in config.arguments or ()
    ]
    named.data_references = references.data_references
    named.data = {
        name: input_to_file(value) if hasattr(value, "as_mount") else value for name, value in references.data.items()
    }
    named.output_data = {
        name: output_to_file(value) if hasattr(value, "as_mount") else value
        for name, value in references.output_data.items()
    }
    return named


def delete(path: str | os.PathLike[str], name: str) -> None:
    """Delete a configuration file. See :meth:`RunConfiguration.delete` for arguments and errors."""
    os.remove(_file_to_read(path, name))


def _file_to_write(config: Configuration, path: Any, name: str | None) -> str:
    given = os.fspath(path if path is not None else config._path or os.curdir)
    name = name or config._name
    if os.path.isfile(given) or given.endswith((_SUFFIX, ".yml", ".yaml")):
        return given
    if not name:
        raise UserErrorException("The run configuration has no name. Pass one, e.g. config.save(path, 'local').")
    if not os.path.isdir(given):
        raise FileNotFoundError(2, f"The folder for run configuration '{name}' does not exist", given)
    legacy = os.path.isdir(os.path.join(given, _FOLDERS[1])) and not os.path.isdir(os.path.join(given, _FOLDERS[0]))
    folder = os.path.join(given, _FOLDERS[legacy])
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, _file_name(name))


def _file_to_read(path: str | os.PathLike[str], name: str | None) -> str:
    given = os.fspath(path)
    if os.path.isfile(given):
        return given
    if not name:
        raise UserErrorException(
            f"There is no run configuration file '{given}'. Pass a file, or a folder and the configuration's name."
        )
    folders = [os.path.join(given, folder) for folder in (*_FOLDERS, "")]
    found = {_stem(each): os.path.join(folder, each) for folder in reversed(folders) for each in _configs(folder)}
    file = found.get(_stem(_file_name(name)))
    if file is None:
        raise UserErrorException(
            f"There is no run configuration '{name}' in {' or '.join(folders[:2])}.{did_you_mean(name, found)}"
        )
    return file


def _configs(folder: str) -> list[str]:
    return [each for each in os.listdir(folder) if each.endswith(_SUFFIX)] if os.path.isdir(folder) else []


def _file_name(name: str) -> str:
    if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
        raise UserErrorException(f"Invalid run configuration name {name!r}. Use letters, digits, '.', '_' and '-'.")
    return name if name.endswith(_SUFFIX) else name + _SUFFIX


def _stem(file: str) -> str:
    return os.path.basename(file).removesuffix(_SUFFIX)


def _root(file: str) -> str:
    """Return the folder to which paths in a configuration file are relative."""
    folder = os.path.dirname(os.path.abspath(file))
    return os.path.dirname(folder) if os.path.basename(folder) in _FOLDERS else folder


def _save_packages(config: Configuration, file: str, root: str, previous: Mapping[str, Any]) -> str:
    """Write the packages next to the configuration, without overwriting another one's, and return the file's path."""
    user_file: str | None = config.environment.python.conda_dependencies_file
    if user_file:
        return user_file
    text: str = config.environment.python.conda_dependencies.serialize_to_string()
    folder = os.path.dirname(os.path.abspath(file))
    own = _own_packages(previous)
    shared = os.path.join(folder, f"{_PACKAGES}.yml")
    target = os.path.join(root, own) if own else shared
    if target == shared and os.path.isfile(shared) and _differs(shared, text) and _others(folder, file):
        target = os.path.join(folder, f"{_PACKAGES}_{_stem(file)}.yml")
    with open(target, "w", encoding="utf-8") as written:
        written.write(text)
    return os.path.relpath(target, root).replace(os.sep, "/")


def _own_packages(previous: Mapping[str, Any]) -> str | None:
    environment = previous.get("environment")
    python = environment.get("python") if isinstance(environment, dict) else None
    return python.get(camel("conda_dependencies_file")) if isinstance(python, dict) else None


def _differs(path: str, text: str) -> bool:
    with open(path, encoding="utf-8") as file:
        return file.read() != text


def _others(folder: str, file: str) -> bool:
    return any(each != os.path.basename(file) for each in _configs(folder))


def _write(path: str, title: str, content: Mapping[str, Any]) -> None:
    import yaml  # see read_yaml

    files.write(path, f"# {title}\n{yaml.safe_dump(content, sort_keys=False)}", files.PUBLIC)


def _read(path: str) -> dict[str, Any]:
    content = read_yaml(path, "run configuration")
    if not isinstance(content, dict):
        raise UserErrorException(f"The run configuration '{path}' must be a mapping, such as 'script: train.py'.")
    return content


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a configuration file with outdated keys replaced by current ones."""
    current = {key: value for key, value in content.items() if key not in _RENAMED}
    if "prepareEnvironment" in content:
        current[camel("auto_prepare_environment")] = content["prepareEnvironment"]
    batchai = content.get("batchai")
    if isinstance(batchai, dict) and "nodeCount" in batchai:
        current.setdefault("nodeCount", batchai["nodeCount"])
    return current
