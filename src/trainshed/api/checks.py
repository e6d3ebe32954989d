"""Validation of constructor arguments: parameter names and types."""

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
"""Annotation → accepted types; None accepts any value."""
_OF_FUNCTION = ("__module__", "__name__", "__qualname__", "__doc__")


def known_keywords(constructor: Constructor) -> Constructor:
    """Decorate a constructor so that an unknown keyword argument raises an error with a suggestion.

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
    """Return a decorator that checks argument types against the annotations, in addition to :func:`known_keywords`.

    Args:
        error: exception class raised for a value of the wrong type.

    Example:
        >>> try:
        ...     ScriptRunConfig("./src", arguments="--alpha 1")
        ... except TrainshedError as error:
        ...     print(error)
        ScriptRunConfig: parameter 'arguments' must be list or tuple, not str ('--alpha 1').
    """

    def decorate(constructor: Constructor) -> Constructor:
        names, owner = _names(constructor), constructor.__qualname__.partition(".")[0]
        required = names[: constructor.__code__.co_argcount - 1 - len(constructor.__defaults__ or ())]

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            check_names(owner, kwargs, names)
            arguments = {**dict(zip(names, args, strict=False)), **kwargs}
            for name in required:
                if name in arguments and arguments[name] is None:
                    raise error(f"{owner}: {name} is missing: it is None.")
            check_types(type(self).__name__, arguments, types_of(constructor), error)
            return constructor(self, *args, **kwargs)

        return wraps(constructor, call)

    return decorate


def _names(constructor: Callable[..., Any]) -> tuple[str, ...]:
    code = constructor.__code__
    return code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]


def types_of(constructor: Callable[..., Any]) -> dict[str, tuple[type, ...]]:
    """Return a dict of parameter name → accepted types, read from a constructor's annotations.

    Parameters whose types are imported only under ``TYPE_CHECKING`` are left out.

    Args:
        constructor: an ``__init__`` defined in a module with ``from __future__ import annotations``.
    """
    known = {**constructor.__globals__, **_TYPES}
    found = {}
    for name, declared in constructor.__annotations__.items():
        types = [known.get(part.partition("[")[0]) for part in declared.split(" | ") if part != "None"]
        if all(isinstance(each, (type, tuple)) for each in types):
            found[name] = tuple(kind for each in types for kind in (each if isinstance(each, tuple) else (each,)))
    return found


def check_names(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Check that every name is a known parameter.

    Args:
        owner: class name for the error message.
        given: names to check.
        known: valid parameter names.

    Raises:
        TypeError: a name is unknown. The message suggests the closest match.
    """
    for name in given:
        if name not in known:
            near = did_you_mean(name, [each for each in known if not each.startswith("_")])
            raise TypeError(f"{owner} has no parameter '{name}'.{near}")


def wraps(function: Constructor, wrapper: Any) -> Constructor:
    """Copy the name, docstring and signature of ``function`` to ``wrapper`` and return ``wrapper``.

    Does the same as :func:`functools.wraps`, without the 3 ms that importing :mod:`functools` takes.

    Args:
        function: wrapped function.
        wrapper: function that calls it.
    """
    for name in _OF_FUNCTION:
        setattr(wrapper, name, getattr(function, name))
    wrapper.__wrapped__ = function
    made: Constructor = wrapper
    return made


def check_types(
    owner: str, given: Mapping[str, Any], wanted: Mapping[str, tuple[type, ...]], error: type[TrainshedError]
) -> None:
    """Check the types of arguments. None is always accepted.

    Args:
        owner: class name for the error message.
        given: parameter name → value.
        wanted: parameter name → accepted types.
        error: exception class raised for a value of the wrong type.
    """
    for name, types in wanted.items():
        value = given.get(name)
        # bool is a subclass of int, but True is not a valid node count.
        if value is None or (isinstance(value, types) and not (isinstance(value, bool) and bool not in types)):
            continue
        names = " or ".join(kind.__name__ for kind in types)
        raise error(f"{owner}: parameter '{name}' must be {names}, not {type(value).__name__} ({value!r}).")
