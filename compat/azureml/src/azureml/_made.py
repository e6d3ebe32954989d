"""Creates the classes, functions and members in the table of :mod:`azureml._cloud_only` on demand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from azureml._cloud_only import ROWS, Row

if TYPE_CHECKING:
    import inspect

_BASES = {"AbstractAuthentication": "azureml.core.authentication", "Elsewhere": "azureml._elsewhere"}
_own = {row.name.partition("(")[0]: row for row in ROWS if "." not in row.name}
_members: dict[str, list[Row]] = {}
for _row in ROWS:
    if "." in _row.name:
        _members.setdefault(_row.name.partition(".")[0], []).append(_row)
_made: dict[str, Any] = {}


def names(module: str) -> list[str]:
    """Return the names in the table that a module exports.

    Args:
        module: name of the module in ``azureml``, e.g. ``"core.webservice"``.
    """
    return sorted(name for name, row in _own.items() if module in row.modules.split())


def find(module: str, name: str) -> Any:
    """Return the class or function for a name in the table. Called by the module's ``__getattr__``.

    Args:
        module: name of the module in ``azureml``, e.g. ``"core.webservice"``.
        name: e.g. ``"Webservice"``.

    Raises:
        AttributeError: the module has no such name.
    """
    if name not in _own or module not in _own[name].modules.split():
        raise AttributeError(f"module 'azureml.{module}' has no attribute '{name}'")
    return _get(name)


def equip(owner: Any) -> Any:
    """Add the members in the table to a class of Trainshed and its bases, and return the class."""
    for each in getattr(owner, "__mro__", ()):
        for row in _members.get(each.__name__, ()):
            _, _, members = row.name.partition(".")
            for member in members.split():
                if member.endswith("()"):
                    setattr(each, member[:-2], property(_Refusal(f"{each.__name__}.{member[:-2]}", row)))
                elif member not in vars(each):
                    setattr(each, member, getattr(each, "_member", _Refusal)(f"{each.__name__}.{member}", row))
    return owner


def sentence(name: str, row: Row) -> str:
    """Return the error message for the use of a name."""
    if row.instead.endswith("."):
        return row.instead
    return f"{name} is only available in Azure ML; here, {row.instead}."


def signature(text: str) -> inspect.Signature:
    """Parse the signature in a row."""
    import ast
    import inspect

    function = ast.parse(f"def f{text}: pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    empty = [inspect.Parameter.empty] * (len(arguments.args) - len(arguments.defaults))
    defaults = [*empty, *(ast.literal_eval(each) for each in arguments.defaults)]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(each.arg, kind, default=default)
        for each, default in zip(arguments.args, defaults, strict=True)
    ]
    if arguments.kwarg is not None:
        parameters.append(inspect.Parameter(arguments.kwarg.arg, inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


def check(made: Any, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """Check the arguments of a call to a class in the table against its signature.

    Raises:
        TypeError: an argument is missing or unexpected.
    """
    row = getattr(made, "row", None)
    if row is not None and row.signature:
        signature(row.signature).bind(*args, **kwargs)


class _Refusal:
    """A function or method that raises its row's error, or does nothing if the row has no alternative."""

    def __init__(self, name: str, row: Row) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = sentence(name, row) if row.instead else "Does nothing. Exists for compatibility with SDK v1."
        self.row = row

    @property
    def __signature__(self) -> inspect.Signature:
        return signature(self.row.signature or "(*args, **kwargs)")

    def __call__(self, *_: Any, **__: Any) -> None:
        if self.row.instead:
            raise self.row.error(self.__doc__)


class _Meta(type):
    """Metaclass that gives classes the signature of their row."""

    row: Row

    @property
    def __signature__(cls) -> inspect.Signature:
        if not cls.row.signature:
            raise AttributeError("__signature__")
        return signature(cls.row.signature)


class _CloudOnly:
    """Base class of unsupported classes: the constructor raises the row's error."""

    row: Row

    def __init__(self, *_: Any, **__: Any) -> NoReturn:
        raise self.row.error(sentence(type(self).__name__, self.row))


def _get(name: str) -> Any:
    if name not in _made:
        row = _own[name]
        _made[name] = equip(_class(row)) if name[0].isupper() else _Refusal(name, row)
    return _made[name]


def _class(row: Row) -> type:
    name, _, base = row.name.rstrip(")").partition("(")
    parent = _CloudOnly if not base else _get(base) if base in _own else getattr(import_module(_BASES[base]), base)
    docstring = sentence(name, row) if row.instead else "Does nothing. Exists for compatibility with SDK v1."
    module = f"azureml.{row.modules.split()[0]}"
    return _Meta(name, (parent,), {"__doc__": docstring, "__module__": module, "row": row})
