"""Creates the classes, functions and members in the table of :mod:`azureml._cloud_only` on demand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from azureml._cloud_only import ROWS, Row
from trainshed.errors import UserErrorException

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable

_BASES = {
    "AbstractAuthentication": "azureml.core.authentication",
    "AzureMLException": "azureml.exceptions",
    "Elsewhere": "azureml._elsewhere",
    "Kept": "azureml._kept",
}
_CORE = (
    "ComputeTarget Dataset Datastore Environment Experiment Image Keyvault Model Run ScriptRun ScriptRunConfig "
    "Webservice Workspace"
)
_IMPORTED = {
    **dict.fromkeys(_CORE.split(), "core"),
    "AmlCompute": "core.compute",
    "CondaDependencies": "core.conda_dependencies",
    "ComputeTargetException": "exceptions",
    "MpiConfiguration": "core.runconfig",
    "PrimaryMetricGoal": "train.hyperdrive",
    "RunConfiguration": "core.runconfig",
    "UserErrorException": "exceptions",
}
"""Names that programs import from modules where v1 only used them (``from azureml.core.model import Dataset``)."""
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
    """Return the class or function for a name in the table, or a name that v1's module had only imported.

    Args:
        module: name of the module in ``azureml``, e.g. ``"core.webservice"``.
        name: e.g. ``"Webservice"``.

    Raises:
        AttributeError: the module has no such name.
    """
    if name in _own and module in _own[name].modules.split():
        return _get(name)
    home = _IMPORTED.get(name, module)
    if home == module:
        raise AttributeError(f"module 'azureml.{module}' has no attribute '{name}'")
    return getattr(import_module(f"azureml.{home}"), name)


def lookup(module: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module: :func:`find` in it."""
    return lambda name: find(module, name)


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
            raise self.row.error(str(self.__doc__))


class NotHereError(UserErrorException, AttributeError):
    """Raised for a member of an unsupported class. An AttributeError, so that ``hasattr`` returns False."""


class _Meta(type):
    """Metaclass that gives classes the signature of their row, and explains members that do not exist."""

    row: Row

    def __getattr__(cls, name: str) -> NoReturn:
        row = cls.__dict__.get("row")
        if row is None or not row.instead or name.startswith("_"):
            raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'")
        raise NotHereError(sentence(f"{cls.__name__}.{name}", row))

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
        _made[name] = equip(make(row)) if name[0].isupper() else _Refusal(name, row)
    return _made[name]


def make(row: Row) -> type:
    """Create the class that a row describes."""
    name, _, base = row.name.rstrip(")").partition("(")
    parent = _CloudOnly if not base else _get(base) if base in _own else getattr(import_module(_BASES[base]), base)
    docstring = sentence(name, row) if row.instead else "Does nothing. Exists for compatibility with SDK v1."
    module = f"azureml.{row.modules.split()[0]}"
    return _Meta(name, (parent,), {"__doc__": docstring, "__module__": module, "row": row})
