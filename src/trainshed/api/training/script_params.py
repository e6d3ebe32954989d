"""Conversion of script parameters, inputs, and ``resume_from`` to command-line arguments."""

from __future__ import annotations

import os

from trainshed.api.data.data_reference import AS_INPUT, DataPath, DataReference, References, add_reference
from trainshed.errors import TYPE_CHECKING, UserErrorException

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

_MODEL = "MODEL_LOCATION"


def add_arguments(
    references: References, script_params: Mapping[str, Any] | None, inputs: Iterable[Any] | None, resume_from: Any
) -> list[Any]:
    """Return the script's arguments, and add data arguments and inputs to the run's data references.

    Args:
        references: data references of the run; modified in place.
        script_params: flag → value.
        inputs: data references that the script uses without an argument.
        resume_from: a DataPath, or None.

    Raises:
        UserErrorException: a value has an unsupported type.

    Example:
        >>> add_arguments(RunConfiguration()._references(), {"--alpha": 0.5, "--layers": [64, 10]}, None, None)
        ['--alpha', 0.5, '--layers', 64, 10]
    """
    found: list[Any] = []
    for flag, value in (script_params or {}).items():
        if not isinstance(flag, str):
            raise UserErrorException(f"script_params: the flag {flag!r} must be a str, not {type(flag).__name__}.")
        found.append(flag)
        found += [_value(flag, item, references) for item in _values(value)]
    for item in inputs or ():
        _value("inputs", item, references, only_data=True)
    return found + resume_arguments(references, resume_from)


def resume_arguments(references: References, resume_from: Any) -> list[Any]:
    """Return the ``--resume-from`` arguments, or an empty list if ``resume_from`` is None.

    Args:
        references: data references of the run; modified in place.
        resume_from: a DataPath, or None.

    Raises:
        UserErrorException: ``resume_from`` has another type, or has no datastore.
    """
    check_resume(resume_from)
    if resume_from is None:
        return []
    reference = DataReference(resume_from.datastore, _MODEL, resume_from.path_on_datastore)
    add_reference(references.data_references, reference)
    return ["--resume-from", str(reference)]


def check_resume(resume_from: Any) -> None:
    """Check the ``resume_from`` parameter.

    Args:
        resume_from: a DataPath, or None.

    Raises:
        UserErrorException: ``resume_from`` has another type, or has no datastore.
    """
    valid = isinstance(resume_from, DataPath) and resume_from.datastore is not None
    if resume_from is not None and not valid:
        raise UserErrorException(f"resume_from must be a DataPath on a datastore, not {type(resume_from).__name__}.")


def _values(value: Any) -> list[Any]:
    if value is None or (isinstance(value, str) and value == ""):
        return []
    is_list = hasattr(value, "__iter__") and not isinstance(value, (str, bytes, dict, DataReference))
    return list(value) if is_list and not _is_data(value) else [value]


def _is_data(value: Any) -> bool:
    """Return whether a value is a dataset or an output."""
    return hasattr(value, "_as_argument")


def _value(flag: str, value: Any, references: References, only_data: bool = False) -> Any:
    if _is_data(value):
        return value._as_argument(references)
    reference = value.as_mount() if hasattr(value, "datastore_type") else value
    if isinstance(reference, DataReference):
        add_reference(references.data_references, reference)
        return str(reference)
    if not only_data and (isinstance(value, (str, int, float, os.PathLike)) or hasattr(value, "item")):
        return value
    if hasattr(value, "as_named_input"):
        raise UserErrorException(f"{flag}: this is a {type(value).__name__}; {AS_INPUT}")
    supported = "a data reference" if only_data else "a string, a number, a list of these, or a data reference"
    raise UserErrorException(
        f"{flag}: {value!r} has the unsupported type {type(value).__name__}; use {supported}, e.g. "
        "datastore.as_mount()."
    )
