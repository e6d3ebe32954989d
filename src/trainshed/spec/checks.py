"""Rules for records, checked where they are created and again where they are received."""

from __future__ import annotations

import re
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.spec.environment import EXISTING, MANAGED, SOLVERS
from trainshed.spec.run import MODES, RunSpec
from trainshed.spec.shape import Distribution, check_count, check_distribution, check_time_limit

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}\Z")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
REFERENCE = re.compile(r"[A-Za-z0-9_]{1,255}\Z")
_PYTHON_CLAUSE = r" *[<>=!~]{0,3} *[0-9][0-9.]*(?:\*|rc[0-9]+)?(?:=[\w.*]+)? *"
_PYTHON = rf"{_PYTHON_CLAUSE}(?:[,|]{_PYTHON_CLAUSE})*"


def check_experiment_name(name: Any) -> str:
    """Return ``name`` if it is a valid experiment name.

    Raises:
        UserErrorException: not a string, or not letters, digits, ``_`` and ``-`` (1 to 255, the first alphanumeric).

    Example:
        >>> check_experiment_name("my-run_1")
        'my-run_1'
    """
    if not isinstance(name, str) or not NAME.match(name):
        raise UserErrorException(
            f"Invalid experiment name {name!r}. Use letters, digits, '_' and '-', with a letter or digit first, "
            "and 1 to 255 characters."
        )
    return name


def check_relative_path(path: str, what: str) -> str:
    """Return ``path`` if it is a canonical relative POSIX path that stays inside its folder.

    Args:
        path: e.g. ``"outputs/model.pkl"``.
        what: what the path is, for the error, e.g. ``"File name"``.

    Raises:
        UserErrorException: absolute, empty, or with ``..``, ``.``, ``//``, a backslash, or a NUL.
    """
    parts = path.split("/")
    if not path or "\0" in path or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise UserErrorException(
            f"{what} {path!r} is not valid. Use a relative path with '/' between its parts and no '.' or '..', "
            "such as 'outputs/model.pkl'."
        )
    return path


def check_run_spec(spec: RunSpec) -> RunSpec:
    """Return ``spec`` if it can be run.

    Raises:
        UserErrorException: a value is out of range or contradicts another; the message names the field.
    """
    check_experiment_name(spec.experiment)
    if bool(spec.script) == bool(spec.command):
        raise UserErrorException("Specify either a script or a command, and not both.")
    if spec.script:
        check_relative_path(spec.script, "Script")
    check_count("slots", spec.slots)
    check_distribution(Distribution(*(getattr(spec, name) for name in Distribution._fields)))
    check_time_limit(spec.max_run_duration_seconds)
    if not 0 <= spec.grace_seconds <= 3600:
        raise UserErrorException("grace_seconds must be between 0 and 3600.")
    for name in spec.environment_variables:
        if not VARIABLE.match(name):
            raise UserErrorException(f"Invalid environment variable name {name!r}. Use letters, digits and '_'.")
    if spec.container is not None:
        from trainshed.spec.container_checks import check_container  # compiling its grammar takes 2 ms

        check_container(spec.container)
    _check_environment(spec)
    _check_data(spec)
    return spec


def _check_environment(spec: RunSpec) -> None:
    request = spec.environment
    if request.kind not in (MANAGED, EXISTING):
        raise UserErrorException(f"environment.kind is {request.kind!r}; it must be 'managed' or 'existing'.")
    if request.solver not in SOLVERS:
        raise UserErrorException(f"environment.solver is {request.solver!r}. Available: {', '.join(SOLVERS)}.")
    if request.python is not None and not re.fullmatch(_PYTHON, request.python):
        raise UserErrorException(
            f"Python {request.python.lstrip('= ')!r} is not a version; use one such as 3.11, 3.11.4 or >=3.9,<3.12."
        )


def _check_data(spec: RunSpec) -> None:
    seen = set()
    for item in spec.data:
        if not REFERENCE.match(item.name):
            raise UserErrorException(f"Invalid data reference name {item.name!r}. Use letters, digits and '_'.")
        if item.name in seen:
            raise UserErrorException(f"Two data references are named {item.name!r}. Rename one.")
        seen.add(item.name)
        if item.mode not in MODES:
            raise UserErrorException(
                f"Data reference mode {item.mode!r} does not exist. Available: {', '.join(MODES)}."
            )
        if item.path:
            check_relative_path(item.path, "Path on the datastore")
    for names, what in ((spec.inputs, "input"), (spec.outputs, "output")):
        for name in [each.name for each in names]:
            check_data_name(name, what)
        if len({each.name for each in names}) < len(names):
            raise UserErrorException(f"Two datasets have the same {what} name. Rename one.")


def check_data_name(name: Any, what: str) -> str:
    """Return ``name`` if it is a valid name for a dataset in a run.

    Args:
        name: letters, digits and underscores, not starting with a digit: it becomes part of an environment variable.
        what: what the name is for, for the error.

    Raises:
        UserErrorException: it is not valid.
    """
    if not isinstance(name, str) or not VARIABLE.match(name):
        raise UserErrorException(f"Invalid {what} name {name!r}. Use letters, digits and '_'.")
    return name
