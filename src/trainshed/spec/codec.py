"""Strict conversion of JSON to records: unknown fields, missing fields and wrong types raise an error.

Only the types used in records are supported (str, int, float, bool, Optional, Dict[str, str], Tuple[X, ...], nested
records), so that the client needs only the standard library.
"""

from __future__ import annotations

import sys

from trainshed.errors import TYPE_CHECKING, UserErrorException, did_you_mean
from trainshed.spec.record import VERSION, Record

if TYPE_CHECKING:
    from typing import Any, Dict, Tuple, Type, TypeVar

    Kind = TypeVar("Kind")


class _Form(Record):
    """A type made of others.

    Attributes:
        name: ``"Optional"``, ``"Tuple"`` (of any length), ``"Dict"`` or ``"Mapping"``.
        of: the others.
    """

    name: str
    of: Tuple[Any, ...]


_KNOWN: Dict[Any, Dict[str, Any]] = {}
"""Record class → the types of its fields; functools, which has a cache, takes 2 ms to import."""
_PLAIN = {each.__name__: each for each in (str, int, float, bool)}


def from_json(kind: Type[Kind], data: Any) -> Kind:
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


def _hints(kind: Any) -> Dict[str, Any]:
    if kind not in _KNOWN:
        names = vars(sys.modules[kind.__module__])
        _KNOWN[kind] = {name: _hint(text, names) for name, text in kind.__annotations__.items()}
    return _KNOWN[kind]


def _hint(text: str, names: Dict[str, Any]) -> Any:
    """Return what an annotation says: a class, or a form of others."""
    name, _, inner = text.partition("[")
    if not inner:
        return _PLAIN.get(name) or names[name]
    parts, depth = [""], 0
    for letter in inner[:-1]:
        depth += (letter == "[") - (letter == "]")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return _Form(name, tuple(_hint(part.strip(), names) for part in parts if part.strip() != "..."))


def _record(kind: Type[Kind], data: Any, where: str) -> Kind:
    if not isinstance(data, dict):
        raise UserErrorException(f"{where}: expected an object, got {_name(data)}.")
    hints = _hints(kind)
    unknown = [name for name in data if name not in hints]
    if unknown:
        raise UserErrorException(f"{where}: unknown field '{unknown[0]}'.{did_you_mean(unknown[0], hints)}")
    for name in hints:
        if name not in data and name not in kind._field_defaults:  # type: ignore[attr-defined]
            raise UserErrorException(f"{where}: field '{name}' is missing.")
    return kind(**{name: _value(hints[name], value, f"{where}.{name}") for name, value in data.items()})


def _value(hint: Any, value: Any, where: str) -> Any:
    form = hint.name if isinstance(hint, _Form) else ""
    if form == "Optional":
        return None if value is None else _value(hint.of[0], value, where)
    if form == "Tuple":
        if not isinstance(value, (list, tuple)):
            raise UserErrorException(f"{where}: expected a list, got {_name(value)}.")
        return tuple(_value(hint.of[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if form in ("Dict", "Mapping"):
        if not isinstance(value, dict):
            raise UserErrorException(f"{where}: expected an object, got {_name(value)}.")
        key_hint, value_hint = hint.of
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
