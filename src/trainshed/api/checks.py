"""Checks of what users pass in, made where they pass it."""

from __future__ import annotations

import os

from trainshed.errors import TYPE_CHECKING, TrainshedError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, TypeVar

    Constructor = TypeVar("Constructor", bound=Callable[..., Any])

_TYPES: dict[str, Any] = {
    **{kind.__name__: kind for kind in (bool, dict, int, str)},
    "Mapping": dict,
    "Sequence": (list, tuple),
    "os.PathLike": os.PathLike,
    "Any": None,  # a class itself since Python 3.11
}
"""A declared type → what a value may be; None: anything."""
_OF_FUNCTION = ("__module__", "__name__", "__qualname__", "__doc__")


def known_keywords(constructor: Constructor) -> Constructor:
    """Make a constructor name the nearest parameter when it is called with one that does not exist.

    Args:
        constructor: an ``__init__`` without ``**kwargs``.

    Example:
        >>> Environment(nam="x")
        Traceback (most recent call last):
        TypeError: Environment has no parameter 'nam'. Did you mean 'name'?
    """
    names, owner = _names(constructor), constructor.__qualname__.partition(".")[0]

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_names(owner, kwargs, names)
        return constructor(self, *args, **kwargs)

    return wraps(constructor, call)


def checked(error: type[TrainshedError]) -> Callable[[Constructor], Constructor]:
    """Make a constructor check the types that it declares too, besides what :func:`known_keywords` does.

    Args:
        error: what to raise for a value of another type.

    Example:
        >>> try:
        ...     ScriptRunConfig("./src", arguments="--alpha 1")
        ... except TrainshedError as error:
        ...     print(error)
        ScriptRunConfig: parameter 'arguments' must be list or tuple, not str ('--alpha 1').
    """

    def decorate(constructor: Constructor) -> Constructor:
        names, owner = _names(constructor), constructor.__qualname__.partition(".")[0]

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            check_names(owner, kwargs, names)
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            check_types(type(self).__name__, given, types_of(constructor), error)
            return constructor(self, *args, **kwargs)

        return wraps(constructor, call)

    return decorate


def _names(constructor: Callable[..., Any]) -> tuple[str, ...]:
    code = constructor.__code__
    return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]


def types_of(constructor: Callable[..., Any]) -> dict[str, tuple[type, ...]]:
    """Return the types that a constructor declares: parameter → types; without those declared for type checkers alone.

    Args:
        constructor: an ``__init__`` of a module with ``from __future__ import annotations``.
    """
    known = {**constructor.__globals__, **_TYPES}
    found = {}
    for name, declared in constructor.__annotations__.items():
        types = [known.get(part.partition("[")[0]) for part in declared.split(" | ") if part != "None"]
        if all(isinstance(each, (type, tuple)) for each in types):
            found[name] = tuple(kind for each in types for kind in (each if isinstance(each, tuple) else (each,)))
    return found


def check_names(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise if a parameter's name is not among those that are known.

    Raises:
        TypeError: the nearest is named.
    """
    for name in given:
        if name not in known:
            near = did_you_mean(name, [each for each in known if not each.startswith("_")])
            raise TypeError(f"{owner} has no parameter '{name}'.{near}")


def wraps(function: Constructor, wrapper: Any) -> Constructor:
    """Return ``wrapper`` with the name, text and signature of ``function``; :mod:`functools` takes 3 ms to import.

    Args:
        function: what is called by it.
        wrapper: what is called instead.
    """
    for name in _OF_FUNCTION:
        setattr(wrapper, name, getattr(function, name))
    wrapper.__wrapped__ = function
    made: Constructor = wrapper
    return made


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
