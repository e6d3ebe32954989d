"""Checks of what users pass in, made where they pass it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from trainshed.errors import TrainshedError, did_you_mean

Constructor = TypeVar("Constructor", bound=Callable[..., Any])


def known_keywords(constructor: Constructor) -> Constructor:
    """Make a constructor name the nearest parameter when it is called with one that does not exist.

    Args:
        constructor: an ``__init__`` without ``**kwargs``.
    """
    code = constructor.__code__
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    owner = constructor.__qualname__.partition(".")[0]

    @functools.wraps(constructor)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name in kwargs:
            if name not in names:
                near = did_you_mean(name, [known for known in names if not known.startswith("_")])
                raise TypeError(f"{owner} has no parameter '{name}'.{near}")
        return constructor(*args, **kwargs)

    return checked  # type: ignore[return-value]


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
