"""A dict that may also be called, as ``ws.datastores`` was a method in 2018 and a property later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

Value = TypeVar("Value")


class NamedKey(str):
    """A key that also answers for the attributes of its value: early releases iterated over objects."""

    _value: Any

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the value."""
        return getattr(self._value, name)


class CallableDict(dict[str, Value]):
    """Name → object, with ``ws.datastores['x']``, ``ws.datastores()['x']`` and ``for d in ws.datastores(): d.name``.

    Example:
        >>> CallableDict(a=1)()["a"]
        1
    """

    def __call__(self, *_: Any, **__: Any) -> CallableDict[Value]:
        """Return itself."""
        return self

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        for name, value in self.items():
            key = NamedKey(name)
            key._value = value
            yield key
