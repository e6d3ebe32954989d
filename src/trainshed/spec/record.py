"""Base class of records: a named tuple that does not import :mod:`typing` and :mod:`collections`, which take 10 ms."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING

VERSION = 1

if TYPE_CHECKING:
    from typing import Any, Dict, Tuple
    from typing import NamedTuple as Record
else:

    class Record(tuple):
        """A tuple whose fields are defined by annotations, like :class:`typing.NamedTuple`."""

        __slots__ = ()
        # Not annotated, because annotations of base classes are included in those of subclasses.
        _fields = ()
        _field_defaults = {}  # noqa: RUF012 - each class gets its own

        def __init_subclass__(cls) -> None:
            cls._fields = tuple(cls.__annotations__)
            cls._field_defaults = {name: vars(cls)[name] for name in cls._fields if name in vars(cls)}
            for index, name in enumerate(cls._fields):
                setattr(cls, name, property(lambda self, index=index: tuple.__getitem__(self, index)))

        def __new__(cls, *args, **kwargs):
            """Create a record from positional and keyword arguments."""
            positional = dict(zip(cls._fields, args))
            values = {**cls._field_defaults, **positional, **kwargs}
            if len(args) > len(cls._fields) or positional.keys() & kwargs or values.keys() != set(cls._fields):
                wrong = sorted((values.keys() ^ set(cls._fields)) | (positional.keys() & kwargs))
                raise TypeError(f"{cls.__name__} accepts each of {', '.join(cls._fields)} once; not {wrong or args}.")
            return tuple.__new__(cls, [values[name] for name in cls._fields])

        def __getnewargs__(self) -> Tuple[Any, ...]:
            return tuple(self)

        def __repr__(self) -> str:
            return f"{type(self).__name__}({', '.join(f'{n}={v!r}' for n, v in zip(self._fields, self))})"

        def _asdict(self) -> Dict[str, Any]:
            return dict(zip(self._fields, self))

        def _replace(self, **changes: Any) -> Record:
            return type(self)(**{**self._asdict(), **changes})


__all__ = ["VERSION", "Record", "to_json"]


def to_json(record: Any) -> Dict[str, Any]:
    """Convert a record to a dict of JSON types, with the format version as ``"version"``.

    Args:
        record: record of this package.

    Example:
        >>> from trainshed.spec.environment import EnvironmentSpec
        >>> to_json(EnvironmentSpec())["solver"]
        'auto'
    """
    return {"version": VERSION, **_plain(record)}


def _plain(value: Any) -> Any:
    if hasattr(value, "_fields"):
        return {name: _plain(item) for name, item in zip(value._fields, value)}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value
