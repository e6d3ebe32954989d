"""Rules that a record must keep, checked where it is made and again where it is received."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, UserErrorException
from trainshed.spec.environment import EXISTING, MANAGED, SOLVERS
from trainshed.spec.run import MODES, RunSpec
from trainshed.spec.shape import Distribution, check_count, check_distribution, check_time_limit

if TYPE_CHECKING:
    from typing import Any

_LONGEST_NAME = 255
_PYTHON_CLAUSE = r" *[<>=!~]{0,3} *[0-9][0-9.]*(?:\*|rc[0-9]+)?(?:=[\w.*]+)? *"
_PYTHON = rf"{_PYTHON_CLAUSE}(?:[,|]{_PYTHON_CLAUSE})*"


def is_name(text: str, more: str = "_-", longest: int = _LONGEST_NAME) -> bool:
    """Tell whether a text has letters, digits and what else is allowed, a letter or digit first.

    Args:
        text: the text.
        more: characters besides.
        longest: how many it may have.

    Example:
        >>> is_name("my-run_1"), is_name("-run"), is_name("métier")
        (True, False, False)
    """
    # Without regular expressions, whose import takes 5 ms of every submit.
    known = all(char.isalnum() or char in more for char in text)
    return text.isascii() and text[:1].isalnum() and known and len(text) <= longest


def is_reference(text: str) -> bool:
    """Tell whether a text can name a data reference: letters, digits and underscores, 1 to 255."""
    return text.isascii() and f"_{text}".isidentifier() and 0 < len(text) <= _LONGEST_NAME


def is_variable(text: str) -> bool:
    """Tell whether a text can name an environment variable: letters, digits and underscores, no digit first."""
    return text.isascii() and text.isidentifier()


def check_experiment_name(name: Any) -> str:
    """Return ``name`` if it can name an experiment.

    Raises:
        UserErrorException: not a string, or not letters, digits, ``_`` and ``-`` (1 to 255, the first alphanumeric).

    Example:
        >>> check_experiment_name("my-run_1")
        'my-run_1'
    """
    if not isinstance(name, str) or not is_name(name):
        raise UserErrorException(
            f"Experiment name {name!r} cannot be used: it takes letters, digits, '_' and '-', "
            "begins with a letter or digit, and has 1 to 255 characters."
        )
    return name


def check_relative_path(path: str, what: str) -> str:
    """Return ``path`` if it is a canonical relative POSIX path that stays inside its folder.

    Args:
        path: e.g. ``"outputs/model.pkl"``.
        what: how an error calls it, e.g. ``"File name"``.

    Raises:
        UserErrorException: absolute, empty, with ``..``, ``.``, ``//``, a backslash, or a NUL.
    """
    parts = path.split("/")
    if not path or "\0" in path or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise UserErrorException(
            f"{what} {path!r} cannot be used: give a relative path with '/' between its parts and no '.' or '..', "
            "such as 'outputs/model.pkl'."
        )
    return path


def check_run_spec(spec: RunSpec) -> RunSpec:
    """Return ``spec`` if it is one that could be run.

    Raises:
        UserErrorException: a value out of range or in contradiction with another; the sentence names the field.
    """
    check_experiment_name(spec.experiment)
    if bool(spec.script) == bool(spec.command):
        raise UserErrorException("Give either a script or a command to run (not both, not neither).")
    if spec.script:
        check_relative_path(spec.script, "Script")
    check_count("slots", spec.slots)
    check_distribution(Distribution(*(getattr(spec, name) for name in Distribution._fields)))
    check_time_limit(spec.max_run_duration_seconds)
    if not 0 <= spec.grace_seconds <= 3600:
        raise UserErrorException("grace_seconds must be between 0 and 3600.")
    for name in spec.environment_variables:
        if not is_variable(name):
            raise UserErrorException(f"Environment variable name {name!r} is not a name (letters, digits, '_').")
    if spec.container is not None:
        from trainshed.spec.container_checks import check_container  # whose grammar takes 2 ms to compile

        check_container(spec.container)
    _check_environment(spec)
    _check_data(spec)
    return spec


def _check_environment(spec: RunSpec) -> None:
    request = spec.environment
    if request.kind not in (MANAGED, EXISTING):
        raise UserErrorException(f"environment.kind is {request.kind!r}; it is 'managed' or 'existing'.")
    if request.solver not in SOLVERS:
        raise UserErrorException(f"environment.solver is {request.solver!r}; it is one of {', '.join(SOLVERS)}.")
    if request.python is not None:
        _check_python(request.python)


def _check_python(version: str) -> None:
    import re  # see is_name

    if not re.fullmatch(_PYTHON, version):
        raise UserErrorException(
            f"Python {version.lstrip('= ')!r} is not a version; give one such as 3.11, 3.11.4 or >=3.9,<3.12."
        )


def _check_data(spec: RunSpec) -> None:
    seen = set()
    for item in spec.data:
        if not is_reference(item.name):
            raise UserErrorException(
                f"Data reference name {item.name!r} cannot be used: it takes letters, digits and '_'."
            )
        if item.name in seen:
            raise UserErrorException(f"Two data references are named {item.name!r}; give one another name.")
        seen.add(item.name)
        if item.mode not in MODES:
            raise UserErrorException(f"Data reference mode {item.mode!r} is not one of {', '.join(MODES)}.")
        if item.path:
            check_relative_path(item.path, "Path on the datastore")
    for names, what in ((spec.inputs, "input"), (spec.outputs, "output")):
        for name in [each.name for each in names]:
            check_data_name(name, what)
        if len({each.name for each in names}) < len(names):
            raise UserErrorException(f"Two datasets have the same {what} name; give one another name.")


def check_data_name(name: Any, what: str) -> str:
    """Return ``name`` if it can name a dataset in a run.

    Args:
        name: letters, digits and underscores, not a digit first: it becomes an environment variable.
        what: how an error calls it.

    Raises:
        UserErrorException: otherwise.
    """
    if not isinstance(name, str) or not is_variable(name):
        raise UserErrorException(f"The {what} name {name!r} cannot be used: it takes letters, digits and '_'.")
    return name
