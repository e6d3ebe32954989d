"""Run configurations as files: ``.azureml/<name>.runconfig``, or ``aml_config/<name>.runconfig`` as in 2018."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.api.configuration.requirements import read_yaml
from trainshed.api.data.data_reference import DataReference
from trainshed.api.section import Section, camel, fill, plain
from trainshed.client.notice import warn
from trainshed.errors import UserErrorException, did_you_mean
from trainshed.system import files

_FOLDERS = (".azureml", "aml_config")
_SUFFIX = ".runconfig"
_PACKAGES = "conda_dependencies"
_GONE = ("prepareEnvironment", "batchai")
"""Keys of 2018 that have moved (see ``_moved``)."""


class Configuration(Protocol):
    """What is read and written: a :class:`~trainshed.api.configuration.runconfig.RunConfiguration`."""

    arguments: list[Any]
    environment: Any
    _path: Any
    _name: str | None


Made = TypeVar("Made", bound=Section)


def save(config: Configuration, path: Any, name: str | None, separate: bool) -> None:
    """Write a run configuration. Arguments and errors: see :meth:`RunConfiguration.save`.

    Args:
        config: what to write.
        path: folder or file, or None.
        name: of the configuration, or None.
        separate: write the environment to a file of its own.
    """
    file = _file_to_write(config, path, name)
    root, before = _root(file), _read(file) if os.path.isfile(file) else {}
    said = plain(config, "RunConfiguration")
    used = {each.data_reference_name: each.to_config() for each in config.arguments if isinstance(each, DataReference)}
    said["dataReferences"].update(plain(used, "arguments"))
    environment = said["environment"]
    environment["python"][camel("conda_dependencies_file")] = _save_packages(config, file, root, before)
    if config.environment.docker.base_image_registry.password:
        warn(f"The registry's password is not written to {file}. Set it after loading.")
    if separate:
        beside = os.path.join(os.path.dirname(file), "environment.yml")
        _write(beside, "Environment of a run configuration.", environment)
        said["environment"] = os.path.basename(beside)
    _write(file, "Run configuration.", said)


def load(path: str | os.PathLike[str], name: str | None, make: Callable[..., Made]) -> Made:
    """Read a run configuration. Errors: see :meth:`RunConfiguration.load`."""
    file = _file_to_read(path, name)
    said = _read(file)
    root = _root(file)
    if isinstance(said.get("environment"), str):
        said["environment"] = _read(os.path.join(os.path.dirname(file), said["environment"]))
    config = make(_path=root, _name=_stem(file))
    fill(config, _moved(said), file)
    python: Any = config.environment.python  # type: ignore[attr-defined]
    if python.conda_dependencies_file and not python.user_managed_dependencies:
        packages = os.path.join(root, python.conda_dependencies_file)
        # v1 names its default file in every configuration, also where there is none.
        if os.path.isfile(packages) or os.path.basename(packages) != f"{_PACKAGES}.yml":
            python.conda_dependencies = CondaDependencies(packages)
    # Its content is here now: what is changed from now on shall count.
    python.conda_dependencies_file = None
    return config


def delete(path: str | os.PathLike[str], name: str) -> None:
    """Remove a configuration's file. Errors: see :meth:`RunConfiguration.delete`."""
    os.remove(_file_to_read(path, name))


def _file_to_write(config: Configuration, path: Any, name: str | None) -> str:
    given = os.fspath(path if path is not None else config._path or os.curdir)
    name = name or config._name
    if os.path.isfile(given) or given.endswith((_SUFFIX, ".yml", ".yaml")):
        return given
    if not name:
        raise UserErrorException("The run configuration needs a name to be saved under: config.save(path, 'local').")
    if not os.path.isdir(given):
        raise FileNotFoundError(2, f"The folder to save the run configuration '{name}' in does not exist", given)
    old = os.path.isdir(os.path.join(given, _FOLDERS[1])) and not os.path.isdir(os.path.join(given, _FOLDERS[0]))
    folder = os.path.join(given, _FOLDERS[old])
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
    there = {_stem(each): os.path.join(folder, each) for folder in reversed(folders) for each in _configs(folder)}
    file = there.get(_stem(_file_name(name)))
    if file is None:
        raise UserErrorException(
            f"There is no run configuration '{name}' in {' or '.join(folders[:2])}.{did_you_mean(name, there)}"
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
    """Return the folder that paths in a configuration are relative to."""
    folder = os.path.dirname(os.path.abspath(file))
    return os.path.dirname(folder) if os.path.basename(folder) in _FOLDERS else folder


def _save_packages(config: Configuration, file: str, root: str, before: Mapping[str, Any]) -> str:
    """Write the packages beside the configuration, not over those of another one; return the file's path."""
    named: str | None = config.environment.python.conda_dependencies_file
    if named:
        return named
    text: str = config.environment.python.conda_dependencies.serialize_to_string()
    folder = os.path.dirname(os.path.abspath(file))
    ours = _own_packages(before)
    shared = os.path.join(folder, f"{_PACKAGES}.yml")
    target = os.path.join(root, ours) if ours else shared
    if target == shared and os.path.isfile(shared) and _differs(shared, text) and _others(folder, file):
        target = os.path.join(folder, f"{_PACKAGES}_{_stem(file)}.yml")
    with open(target, "w", encoding="utf-8") as written:
        written.write(text)
    return os.path.relpath(target, root).replace(os.sep, "/")


def _own_packages(before: Mapping[str, Any]) -> str | None:
    environment = before.get("environment")
    python = environment.get("python") if isinstance(environment, dict) else None
    return python.get(camel("conda_dependencies_file")) if isinstance(python, dict) else None


def _differs(path: str, text: str) -> bool:
    with open(path, encoding="utf-8") as file:
        return file.read() != text


def _others(folder: str, file: str) -> bool:
    return any(each != os.path.basename(file) for each in _configs(folder))


def _write(path: str, title: str, said: Mapping[str, Any]) -> None:
    import yaml  # see read_yaml

    files.write(path, f"# {title}\n{yaml.safe_dump(said, sort_keys=False)}", files.PUBLIC)


def _read(path: str) -> dict[str, Any]:
    said = read_yaml(path, "run configuration")
    if not isinstance(said, dict):
        raise UserErrorException(f"The run configuration '{path}' must be a mapping, such as 'script: train.py'.")
    return said


def _moved(said: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration of any year with its keys where they are now."""
    rest = {key: value for key, value in said.items() if key not in _GONE}
    if "prepareEnvironment" in said:
        rest[camel("auto_prepare_environment")] = said["prepareEnvironment"]
    batchai = said.get("batchai")
    if isinstance(batchai, dict) and "nodeCount" in batchai:
        rest.setdefault("nodeCount", batchai["nodeCount"])
    return rest
