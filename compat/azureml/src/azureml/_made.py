"""Makes what the table of :mod:`azureml._cloud_only` describes, when it is asked for."""

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
    """Return the names of the table that a module has.

    Args:
        module: below ``azureml``, e.g. ``"core.webservice"``.
    """
    return sorted(name for name, row in _own.items() if module in row.modules.split())


def find(module: str, name: str) -> Any:
    """Return what a name of the table stands for in a module: what the module's ``__getattr__`` returns.

    Args:
        module: below ``azureml``, e.g. ``"core.webservice"``.
        name: e.g. ``"Webservice"``.

    Raises:
        AttributeError: the module has no such name.
    """
    if name not in _own or module not in _own[name].modules.split():
        raise AttributeError(f"module 'azureml.{module}' has no attribute '{name}'")
    return _get(name)


def equip(owner: Any) -> Any:
    """Return a class of Trainshed's with the members that the table has for it."""
    for row in _members.get(getattr(owner, "__name__", ""), ()):
        _, _, members = row.name.partition(".")
        for member in members.split():
            if member.endswith("()"):
                setattr(owner, member[:-2], property(_Refusal(f"{owner.__name__}.{member[:-2]}", row)))
            elif member not in vars(owner):
                setattr(owner, member, getattr(owner, "_member", _Refusal)(f"{owner.__name__}.{member}", row))
    return owner


def sentence(name: str, row: Row) -> str:
    """Return what is said to who uses a name."""
    if row.instead.endswith("."):
        return row.instead
    return f"{name} exists only in v1's cloud; here, {row.instead}."


def signature(text: str) -> inspect.Signature:
    """Return the signature that a row has as text."""
    import ast
    import inspect

    function = ast.parse(f"def f{text}: pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    given = function.args
    absent = [inspect.Parameter.empty] * (len(given.args) - len(given.defaults))
    defaults = [*absent, *(ast.literal_eval(each) for each in given.defaults)]
    plain = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(each.arg, plain, default=default) for each, default in zip(given.args, defaults, strict=True)
    ]
    if given.kwarg is not None:
        parameters.append(inspect.Parameter(given.kwarg.arg, inspect.Parameter.VAR_KEYWORD))
    return inspect.Signature(parameters)


def check(made: Any, args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """Raise if a class of the table is called with arguments that it does not have.

    Raises:
        TypeError: as Python itself would.
    """
    row = getattr(made, "row", None)
    if row is not None and row.signature:
        signature(row.signature).bind(*args, **kwargs)


class _Refusal:
    """A function or a method: calling it raises what its row says, or does nothing where that is all there is to do."""

    def __init__(self, name: str, row: Row) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = sentence(name, row) if row.instead else "Accepted and ignored."
        self.row = row

    @property
    def __signature__(self) -> inspect.Signature:
        return signature(self.row.signature or "(*args, **kwargs)")

    def __call__(self, *_: Any, **__: Any) -> None:
        if self.row.instead:
            raise self.row.error(self.__doc__)


class _Meta(type):
    """A class of the table: it has the signature of its row."""

    row: Row

    @property
    def __signature__(cls) -> inspect.Signature:
        if not cls.row.signature:
            raise AttributeError("__signature__")
        return signature(cls.row.signature)


class _CloudOnly:
    """A class whose objects only v1's cloud could make."""

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
    about = sentence(name, row) if row.instead else "Accepted and ignored."
    place = f"azureml.{row.modules.split()[0]}"
    return _Meta(name, (parent,), {"__doc__": about, "__module__": place, "row": row})
