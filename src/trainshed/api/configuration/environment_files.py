"""Environments as plain data: in the catalog of a workspace, in a folder, in a run's record."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from trainshed.api.configuration.conda_dependencies import CondaDependencies
from trainshed.api.configuration.environment import Environment
from trainshed.api.configuration.runconfig_files import _fill as fill
from trainshed.api.configuration.runconfig_files import _plain as plain

_DEFINITION = "azureml_environment.json"
_PACKAGES = "conda_dependencies.yml"


def to_dict(environment: Environment) -> dict[str, Any]:
    """Return an environment as JSON types, under v1's names; a registry's password is left out.

    Args:
        environment: the environment.
    """
    said: dict[str, Any] = plain(environment, "environment")
    said["python"]["condaDependencies"] = environment.python.conda_dependencies.as_dict()
    return said


def from_dict(said: Mapping[str, Any]) -> Environment:
    """Return the environment that :func:`to_dict` described.

    Args:
        said: what it gave.
    """
    made = Environment(str(said.get("name") or "default-environment"))
    rest = {key: value for key, value in said.items() if value is not None}
    packages = dict(rest.get("python") or {}).pop("condaDependencies", None)
    if "python" in rest:
        rest["python"] = {key: value for key, value in rest["python"].items() if key != "condaDependencies"}
    fill(made, rest, "environment")
    if packages:
        made.python.conda_dependencies = CondaDependencies(_underlying_structure=packages)
    return made


def save(environment: Environment, path: str | os.PathLike[str]) -> None:
    """Write an environment into a folder: its definition, and its packages as conda writes them.

    Args:
        environment: the environment.
        path: an existing folder.
    """
    with open(os.path.join(path, _DEFINITION), "w", encoding="utf-8") as file:
        json.dump(to_dict(environment), file, indent=4)
    environment.python.conda_dependencies.save(os.path.join(os.fspath(path), _PACKAGES))


def load(path: str | os.PathLike[str]) -> Environment:
    """Return the environment that is written in a folder.

    Args:
        path: the folder.

    Raises:
        FileNotFoundError: there is none.
    """
    with open(os.path.join(path, _DEFINITION), encoding="utf-8") as file:
        return from_dict(json.load(file))


def of_spec(spec: Mapping[str, Any]) -> Environment:
    """Return the environment of a run, from its record.

    Args:
        spec: the RunSpec as JSON.
    """
    wish = spec["environment"]
    made = Environment(str(spec["environment_name"] or "default-environment"))
    python = made.python
    python.user_managed_dependencies = wish["kind"] == "existing"
    if python.user_managed_dependencies:
        python.interpreter_path = wish["interpreter"]
    else:
        python.conda_dependencies = CondaDependencies.create(
            conda_packages=wish["conda"], pip_packages=wish["pip"], python_version=wish["python"]
        )
    made.environment_variables.update(spec["environment_variables"])
    return made
