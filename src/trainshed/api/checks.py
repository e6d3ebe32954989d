"""Checks of what users pass in, made where they pass it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from trainshed.errors import TrainshedError, did_you_mean

Constructor = TypeVar("Constructor", bound=Callable[..., Any])


def known_keywords(constructor: Constructor) -> Constructor:
    """Make a constructor name the nearest parameter when it is called with one that does not exist.

    Args:
        constructor: an ``__init__`` without ``**kwargs``.
    """
    return checked({}, TrainshedError)(constructor)


def checked(types: Mapping[str, tuple[type, ...]], error: type[TrainshedError]) -> Callable[[Constructor], Constructor]:
    """Make a constructor check its parameters' types too, besides what :func:`known_keywords` does.

    Args:
        types: parameter → types it may have; None is always fine.
        error: what to raise for another type.
    """

    def decorate(constructor: Constructor) -> Constructor:
        code = constructor.__code__
        names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
        owner = constructor.__qualname__.partition(".")[0]

        @functools.wraps(constructor)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            check_names(owner, kwargs, names)
            if types:
                check_types(type(self).__name__, {**dict(zip(names, args, strict=False)), **kwargs}, types, error)
            return constructor(self, *args, **kwargs)

        return call  # type: ignore[return-value]

    return decorate


def check_names(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise if a parameter's name is not among those that are known.

    Raises:
        TypeError: the nearest is named.
    """
    for name in given:
        if name not in known:
            near = did_you_mean(name, [each for each in known if not each.startswith("_")])
            raise TypeError(f"{owner} has no parameter '{name}'.{near}")


def check_types(
    owner: str, given: Mapping[str, Any], wanted: Mapping[str, tuple[type, ...]], error: type[TrainshedError]
) -> None:
    """Raise if a value is of a type it cannot have; None is always fine.

    Args:
        owner: class whose parameters these are, for the message.
        given: parameter → value.
        wanted: parameter → types it may have.
        error: what to raise.
    """
    for name, types in wanted.items():
        value = given.get(name)
        # bool is an int in Python, but True is no number of nodes.
        if value is None or (isinstance(value, types) and not (isinstance(value, bool) and bool not in types)):
            continue
        names = " or ".join(kind.__name__ for kind in types)
        raise error(f"{owner}: parameter '{name}' must be {names}, not {type(value).__name__} ({value!r}).")
