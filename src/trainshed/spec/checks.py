"""Validation of run specifications, by the client that creates them and by the service that receives them."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, UserErrorException
from trainshed.spec.environment import EXISTING, MANAGED, SOLVERS
from trainshed.spec.run import MODES, RunSpec, is_notebook
from trainshed.spec.shape import SINGLE, Distribution, check_count, check_distribution, check_grace, check_time_limit

if TYPE_CHECKING:
    from typing import Any

HIDDEN = "***"
"""Stands for a secret in what is stored and shown of a request."""
_LONGEST_NAME = 255
_RESERVED = frozenset({
    "TRAINSHED_RUN_ID", "TRAINSHED_RUN_DIR", "TRAINSHED_RUN_NUMBER", "TRAINSHED_LAUNCHER", "TRAINSHED_TAGS",
    "TRAINSHED_PROPERTIES", "TRAINSHED_INPUTS", "TRAINSHED_OUTPUTS", "TRAINSHED_SERVES", "TRAINSHED_SERVICE_PATH",
    "TRAINSHED_SERVICE_PYTHON", "TRAINSHED_SERVICE_BOOT",
})  # fmt: skip
"""Environment variables by which a run's processes are found, and by which they find the run and its service."""
_PYTHON_CLAUSE = r" *[<>=!~]{0,3} *[0-9][0-9.]*(?:\*|rc[0-9]+)?(?:=[\w.*]+)? *"
_PYTHON = rf"{_PYTHON_CLAUSE}(?:[,|]{_PYTHON_CLAUSE})*"


def is_name(text: str, more: str = "_-", longest: int = _LONGEST_NAME) -> bool:
    """Return whether a string consists of allowed characters and starts with a letter or digit.

    Args:
        text: the string.
        more: characters allowed in addition to ASCII letters and digits.
        longest: maximum length.

    Example:
        >>> is_name("my-run_1"), is_name("-run"), is_name("métier")
        (True, False, False)
    """
    # Does not use regular expressions, because importing re would add 5 ms to every submit.
    known = all(char.isalnum() or char in more for char in text)
    return text.isascii() and text[:1].isalnum() and known and len(text) <= longest


def is_reference(text: str) -> bool:
    """Return whether a string is a valid data reference name: 1 to 255 letters, digits and underscores."""
    return text.isascii() and f"_{text}".isidentifier() and 0 < len(text) <= _LONGEST_NAME


def is_variable(text: str) -> bool:
    """Return whether a string is a valid environment variable name: letters, digits and underscores, no digit first."""
    return text.isascii() and text.isidentifier()


def check_experiment_name(name: Any) -> str:
    """Return ``name`` if it is a valid experiment name.

    Raises:
        UserErrorException: the name is not a string of 1 to 255 letters, digits, ``_`` and ``-`` that starts with a
            letter or digit.

    Example:
        >>> check_experiment_name("my-run_1")
        'my-run_1'
    """
    if not isinstance(name, str) or not is_name(name):
        raise UserErrorException(
            f"Invalid experiment name {name!r}. Use letters, digits, '_' and '-', with a letter or digit first, "
            "and 1 to 255 characters."
        )
    return name


def without_dot(path: str) -> str:
    """Return a path in a run without ``./`` in front, which programs for SDK v1 often write.

    Example:
        >>> without_dot("./outputs/model.pkl")
        'outputs/model.pkl'
    """
    while path.startswith("./"):
        path = path[2:]
    return path


def check_relative_path(path: str, what: str) -> str:
    """Return ``path`` if it is a canonical relative POSIX path that stays inside its folder.

    Args:
        path: e.g. ``"outputs/model.pkl"``.
        what: kind of path for error messages, e.g. ``"File name"``.

    Raises:
        UserErrorException: the path is absolute or empty, or contains ``..``, ``.``, ``//``, a backslash or a NUL.
    """
    parts = path.split("/")
    if not path or "\0" in path or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise UserErrorException(
            f"{what} {path!r} is not valid. Use a relative path with '/' between its parts and no '.' or '..', "
            "such as 'outputs/model.pkl'."
        )
    return path


def check_run_spec(spec: RunSpec) -> RunSpec:
    """Return ``spec`` if it is valid.

    Raises:
        UserErrorException: a value is out of range or contradicts another one. The message includes the field's name.
    """
    check_experiment_name(spec.experiment)
    if bool(spec.script) == bool(spec.command):
        raise UserErrorException("Specify either a script or a command, and not both.")
    if spec.script:
        check_relative_path(spec.script, "Script")
        if is_notebook(spec.script) and spec.launcher != SINGLE:
            raise UserErrorException(
                f"{spec.script} is a notebook, which runs in one process. For distributed training, convert it to a "
                "script (jupyter nbconvert --to script)."
            )
    check_count("slots", spec.slots)
    check_distribution(Distribution(*(getattr(spec, name) for name in Distribution._fields)))
    check_time_limit(spec.max_run_duration_seconds)
    check_grace("grace_seconds", spec.grace_seconds)
    for name, value in spec.environment_variables.items():
        if not is_variable(name):
            raise UserErrorException(f"Invalid environment variable name {name!r}. Use letters, digits and '_'.")
        if name in _RESERVED:
            raise UserErrorException(
                f"{name} is among the environment variables, and is one that Trainshed sets itself, differently for "
                "each run. Remove it from environment_variables."
            )
        if value == HIDDEN:
            raise UserErrorException(
                f"Environment variable '{name}' is '{HIDDEN}', as runs show values, which are kept only until the run "
                "has ended. Set its value again."
            )
    if spec.container is not None:
        from trainshed.spec.container_checks import check_container  # compiling its patterns takes 2 ms

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
    if request.python is not None:
        _check_python(request.python)


def _check_python(version: str) -> None:
    import re  # see is_name

    if not re.fullmatch(_PYTHON, version):
        raise UserErrorException(
            f"Python {version.lstrip('= ')!r} is not a version; use one such as 3.11, 3.11.4 or >=3.9,<3.12."
        )


def _check_data(spec: RunSpec) -> None:
    seen = set()
    for item in spec.data:
        check_reference(item.name, item.mode)
        if item.name in seen:
            raise UserErrorException(f"Two data references are named {item.name!r}. Rename one.")
        seen.add(item.name)
        if item.path:
            check_relative_path(item.path, "Path on the datastore")
    for names, what in ((spec.inputs, "input"), (spec.outputs, "output")):
        for name in [each.name for each in names]:
            check_data_name(name, what)
        if len({each.name for each in names}) < len(names):
            raise UserErrorException(f"Two datasets have the same {what} name. Rename one.")


def check_reference(name: str, mode: str) -> None:
    """Check the name and mode of a data reference.

    Raises:
        UserErrorException: the name or mode is invalid.
    """
    if not is_reference(name):
        raise UserErrorException(f"Invalid data reference name {name!r}. Use letters, digits and '_'.")
    check_mode(mode)


def check_mode(mode: str) -> None:
    """Check the mode of a data reference, in lower case.

    Raises:
        UserErrorException: the mode is unknown.
    """
    if mode not in MODES:
        raise UserErrorException(f"Data reference mode {mode!r} is not one of {', '.join(MODES)}.")


def check_data_name(name: Any, what: str) -> str:
    """Return ``name`` if it is a valid name for a dataset in a run.

    Args:
        name: letters, digits and underscores, not starting with a digit. It becomes part of an environment variable.
        what: ``"input"`` or ``"output"``, for error messages.

    Raises:
        UserErrorException: the name is invalid.
    """
    if not isinstance(name, str) or not is_variable(name):
        raise UserErrorException(f"Invalid {what} name {name!r}. Use letters, digits and '_'.")
    return name
