"""A dict that can also be called: ``ws.datastores`` was a method in early SDK releases and a property later."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn, TypeVar

from trainshed.errors import UnknownNameException, did_you_mean

Value = TypeVar("Value")


class NamedKey(str):
    """A dict key that also has its value's attributes, because early SDK releases iterated over the objects.

    Example:
        >>> [target.type for target in ws.compute_targets if target == "local"]
        ['local']
    """

    _value: Any

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the value."""
        return getattr(self._value, name)


class CallableDict(dict[str, Value]):
    """A dict that supports ``ws.datastores['x']``, ``ws.datastores()['x']`` and ``for d in ws.datastores(): d.name``.

    Args:
        entries: name → object.
        what: kind of object, for error messages.
        query: function that returns the entries for the arguments of a call. Default: arguments are ignored.

    Example:
        >>> CallableDict({"a": 1}, "number")()["a"]
        1
        >>> CallableDict({"a": 1}, "number")["b"]
        Traceback (most recent call last):
        ...
        trainshed.errors.UnknownNameException: There is no number 'b'. Available: a.
    """

    def __init__(
        self,
        entries: Mapping[str, Value] | None = None,
        what: str = "entry",
        query: Callable[..., Mapping[str, Value]] | None = None,
    ) -> None:
        super().__init__(entries or {})
        self._what = what
        self._query = query

    def __missing__(self, name: str) -> NoReturn:
        """Raise an error that lists the existing names."""
        names = sorted(self)
        known = f"Available: {', '.join(names)}." if names else "There are none yet."
        raise UnknownNameException(f"There is no {self._what} {name!r}. {known}{did_you_mean(str(name), names)}")

    def __call__(self, *args: Any, **kwargs: Any) -> CallableDict[Value]:
        """Return the dict itself, or with arguments, the entries that they select."""
        if self._query is None or not (args or kwargs):
            return self
        return CallableDict(self._query(*args, **kwargs), self._what)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        for name, value in self.items():
            key = NamedKey(name)
            key._value = value
            yield key
