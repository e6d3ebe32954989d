"""What becomes of a name of SDK v1: what ``surface.toml`` says of it, else what the modules here have of it."""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import trainshed.runtime.run
from azureml import _made, _modules
from trainshed.api.runs.run import Run
from trainshed.runtime.offline import OfflineRun

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_IN_SCRIPTS = (OfflineRun, trainshed.runtime.run.Run)
WORKS, DIFFERS, NOT_HERE = "works", "differs", "not here"


class Verdict(NamedTuple):
    """What becomes of a name.

    Attributes:
        status: ``"works"``, ``"differs"`` or ``"not here"``.
        text: what differs or what to do instead, as a sentence.
    """

    status: str
    text: str = ""


@cache
def rows() -> dict[str, dict[str, Any]]:
    """Return the rows of ``surface.toml`` by their names."""
    text = (Path(__file__).parent.parent / "surface.toml").read_text(encoding="utf-8")
    return {row["name"]: row for row in tomllib.loads(text)["member"]}


def found(name: str) -> Any:
    """Return what a full name stands for here: a module, class, function or constant.

    Raises:
        AttributeError: there is none.
    """
    parent, _, last = name.rpartition(".")
    holder = found(parent) if parent else None
    # In a package that is not supported, every name exists; one in lower case is a module.
    if holder is not None and not (last.islower() and isinstance(holder, _modules.Module)):
        try:
            return getattr(holder, last)
        except AttributeError:
            pass
    try:
        return import_module(name)
    except ImportError:
        raise AttributeError(name) from None


@cache
def _index() -> dict[Any, dict[str, Any]]:
    """Return the rows by what they are about: a class or function, or a class and the name of its member."""
    by_thing: dict[Any, dict[str, Any]] = {}
    for name, row in rows().items():
        owner, _, last = name.rpartition(".")
        try:
            if "()" in owner:
                by_thing.setdefault((_made_by(owner), last), row)
                continue
            holder = found(owner)
        except AttributeError:
            continue
        if inspect.isclass(holder):
            by_thing.setdefault((holder, last), row)
        else:
            thing = getattr(holder, last)
            by_thing.setdefault(thing if inspect.isclass(thing) or callable(thing) else (owner, last), row)
    return by_thing


def _made_by(path: str) -> type:
    """Return the class of what a path such as ``azureml.core.RunConfiguration().docker`` leads to."""
    begin, _, rest = path.partition("()")
    value = found(begin)()
    for part in filter(None, rest.replace("()", "").split(".")):
        value = getattr(value, part)
    return type(value)


@cache
def classes() -> dict[str, type]:
    """Return the classes of Trainshed's API by their names, for annotations."""
    _index()  # imports the modules
    named = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("trainshed.api."):
            own = inspect.getmembers(module, inspect.isclass)
            named.update({each: cls for each, cls in own if cls.__module__ == name})
    return named


@cache
def _names() -> dict[Any, str]:
    """Return the full names that SDK v1 has for classes and functions."""
    named: dict[Any, str] = {}
    for key, row in _index().items():
        name = row["name"].replace("()", "")
        thing, name = (key[0], name.rpartition(".")[0]) if isinstance(key, tuple) else (key, name)
        if not isinstance(thing, str) and name.rpartition(".")[2] == getattr(thing, "__name__", ""):
            named.setdefault(thing, name)
    return named


def public(thing: Any) -> str:
    """Return the full name that SDK v1 has for a class or function, e.g. ``"azureml.core.Run"``."""
    return _names().get(thing) or f"{getattr(thing, '__module__', '')}.{getattr(thing, '__name__', thing)}"


def of_thing(thing: Any) -> Verdict:
    """Return what becomes of a call of a class or function."""
    row = _index().get(thing) if inspect.isclass(thing) or callable(thing) else None
    if row is not None:
        return _of_row(row)
    if inspect.isclass(thing) and issubclass(thing, _made._CloudOnly):
        return Verdict(NOT_HERE, _made.sentence(thing.__name__, vars(thing)["row"]))
    return _refused(thing) or Verdict(WORKS)


def of_member(owner: type, name: str) -> Verdict | None:
    """Return what becomes of a member of a class, or None if it has no such member."""
    related = _related(owner)
    if any("__getattr__" in vars(each) and each not in _IN_SCRIPTS for each in owner.__mro__):
        return Verdict(WORKS)  # such as the details of a run, whose keys are attributes, too
    for cls in (each for start in related for each in start.__mro__):
        row = _index().get((cls, name))
        if row is not None:
            return _of_row(row)
    for cls in related:
        if name in fields(cls):
            return Verdict(WORKS)
        there = inspect.getattr_static(cls, name, None)
        if there is not None:
            return _refused(there) or _of_owner(owner) or Verdict(WORKS)
    return _of_owner(owner)


def _of_owner(owner: type) -> Verdict | None:
    """Return the verdict on a class that is not here, which is that on its members."""
    verdict = of_thing(owner)
    return verdict if verdict.status == NOT_HERE else None


def _related(cls: type) -> list[type]:
    """Return the classes that an object may be of: a subclass, and for a run, what it is in its script."""
    direct = [*type.__subclasses__(cls), *(_IN_SCRIPTS if cls is Run else ())]
    return [cls, *(each for below in direct for each in _related(below))]


def accepts(thing: Any, owner: type | None, keyword: str) -> bool:
    """Return whether a class or function, or one of the same name in a subclass of its owner, has a parameter."""
    name = getattr(thing, "__name__", "")
    others = [getattr(cls, name, None) for cls in _related(owner)] if owner is not None else []
    for each in [thing, *filter(callable, others)]:
        try:
            parameters = inspect.signature(each).parameters
        except (TypeError, ValueError):
            return True
        if keyword in parameters or any(known.kind is known.VAR_KEYWORD for known in parameters.values()):
            return True
    return False


def _of_row(row: dict[str, Any]) -> Verdict:
    name = row["name"].replace("()", "").split(".")
    name = ".".join(name[-2:] if name[-2][:1].isupper() else name[-1:])
    if row["status"] == "cloud":
        return Verdict(NOT_HERE, row["sentence"].replace("'mine'", "The target"))  # the list has one by this name
    if row["status"] == "differs":
        return Verdict(NOT_HERE if row.get("raises") else DIFFERS, f"{name}: {row['how']}.")
    return Verdict(WORKS)


def _refused(thing: Any) -> Verdict | None:
    function = thing.fget if isinstance(thing, property) else thing
    if isinstance(function, _made._Refusal) and function.row.instead:
        return Verdict(NOT_HERE, str(function.__doc__))
    return None


@cache
def fields(cls: type) -> dict[str, str]:
    """Return the attributes that the constructors of a class set, with annotations or the classes they are set to."""
    named: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if not each.__module__.startswith(("trainshed", "azureml")):
            continue
        named.update({name: str(kind) for name, kind in vars(each).get("__annotations__", {}).items()})
        try:
            tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(each)))
        except (OSError, TypeError, SyntaxError):
            continue
        for node in ast.walk(tree):
            for target, kind in _set_by(node):
                if (
                    isinstance(target, ast.Attribute)
                    and isinstance(target.value, ast.Name)
                    and target.value.id == "self"
                ):
                    named[target.attr] = kind or named.get(target.attr, "")
    return named


def _set_by(node: ast.AST) -> list[tuple[ast.expr, str]]:
    """Return the targets of an assignment, with an annotation or the name of a class that is called."""
    if isinstance(node, ast.AnnAssign):
        return [(node.target, ast.unparse(node.annotation))]
    if not isinstance(node, ast.Assign):
        return []
    call = node.value.func if isinstance(node.value, ast.Call) else None
    kind = call.id if isinstance(call, ast.Name) and call.id[:1].isupper() else ""
    targets = [each for target in node.targets for each in getattr(target, "elts", [target])]
    return [(target, kind) for target in targets]
