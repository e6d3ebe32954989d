"""Strict conversion of JSON to records: unknown fields, missing fields and wrong types raise an error.

Only the types used in records are supported (str, int, float, bool, Optional, Dict[str, str], Tuple[X, ...], nested
records), so that the client needs only the standard library.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from typing import Any, Dict, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from trainshed.errors import UserErrorException, did_you_mean
from trainshed.spec.record import VERSION

Record = TypeVar("Record")
_NAMES = {name: getattr(typing, name) for name in ("Dict", "Mapping", "Optional", "Tuple")}
"""Names in the annotations of records, which their modules import only under ``TYPE_CHECKING``."""


def from_json(kind: Type[Record], data: Any) -> Record:
    """Create a record from decoded JSON.

    Args:
        kind: record class of this package.
        data: result of :func:`trainshed.spec.record.to_json`.

    Raises:
        UserErrorException: a field is unknown, missing or of the wrong type, or the format version is not supported.
    """
    if isinstance(data, dict) and data.get("version", VERSION) != VERSION:
        raise UserErrorException(
            f"{kind.__name__}: unknown format version {data['version']} (this release uses version {VERSION}). "
            "Use the same release of Trainshed on both sides."
        )
    data = {k: v for k, v in data.items() if k != "version"} if isinstance(data, dict) else data
    return _record(kind, data, kind.__name__)


@functools.lru_cache(maxsize=None)
def _hints(kind: Any) -> Dict[str, Any]:
    return get_type_hints(kind, localns=_NAMES)


def _record(kind: Type[Record], data: Any, where: str) -> Record:
    if not isinstance(data, dict):
        raise UserErrorException(f"{where}: expected an object, got {_name(data)}.")
    hints = _hints(kind)  # type: ignore[arg-type]  # a class is hashable
    unknown = [name for name in data if name not in hints]
    if unknown:
        raise UserErrorException(f"{where}: unknown field '{unknown[0]}'.{did_you_mean(unknown[0], hints)}")
    for name in hints:
        if name not in data and name not in kind._field_defaults:  # type: ignore[attr-defined]
            raise UserErrorException(f"{where}: field '{name}' is missing.")
    return kind(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in data.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    origin = get_origin(hint)
    if origin is Union:
        options = get_args(hint)
        if value is None and type(None) in options:
            return None
        return _value(next(o for o in options if o is not type(None)), value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise UserErrorException(f"{where}: expected a list, got {_name(value)}.")
        return tuple(_value(get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is Mapping:
        if not isinstance(value, dict):
            raise UserErrorException(f"{where}: expected an object, got {_name(value)}.")
        key_hint, value_hint = get_args(hint)
        return {_value(key_hint, k, where): _value(value_hint, v, f"{where}['{k}']") for k, v in value.items()}
    if hasattr(hint, "_fields"):
        return _record(hint, value, where)
    return _scalar(hint, value, where)


def _scalar(hint: Any, value: Any, where: str) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    # bool is a subclass of int, but true is not a valid node count.
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise UserErrorException(f"{where}: expected {hint.__name__}, got {_name(value)} ({value!r}).")
    if hint is str and "\0" in value:
        raise UserErrorException(f"{where}: a NUL character cannot be passed to a program.")
    return value


def _name(value: Any) -> str:
    return type(value).__name__
