"""What can be known of a value of a program: a module, a class, an object of a class, many of them."""

from __future__ import annotations

import ast
import builtins
import inspect
from typing import Any, NamedTuple

from azureml._check import knowledge


class Module(NamedTuple):
    """A module of azureml."""

    name: str


class Thing(NamedTuple):
    """A class or a function; ``owner`` is the class that a method was found in."""

    thing: Any
    owner: type | None = None


class Instance(NamedTuple):
    """An object of a class.

    Attributes:
        cls: its class.
        sure: whether it has no more members: the runs of pipelines and AutoML were of classes that are not here.
    """

    cls: type
    sure: bool = True


class Many(NamedTuple):
    """A list of things of one kind, or a dict of them by name."""

    item: Any
    by_name: bool = False

    @property
    def element(self) -> Any:
        """What a loop over it gives."""
        return None if self.by_name else self.item


class Returns(NamedTuple):
    """Something whose call returns a thing."""

    item: Any


class Object:
    """An object of a class of the program's own.

    Attributes:
        attributes: what is known of the values that its methods set.
    """

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {}


_RESULTS = {
    ("Run", "get_context"): "Run",
    ("Run", "get_submitted_run"): "Run",
    ("Experiment", "list"): "list[Experiment]",
    ("Experiment", "submit"): "Run",
}
"""Results that annotations leave open."""
_OWN_RUNS = ("get_context", "get_submitted_run", "start_logging", "child_run")
"""Methods that return a run of the program itself, not one that was submitted as who knows what."""
_LISTS = ("list", "List", "Sequence", "Iterable", "Iterator", "Collection", "tuple")
_DICTS = ("dict", "Dict", "Mapping", "CallableDict")


def common(one: Any, other: Any) -> Any:
    """Return what two values have in common: the same, or a class of which both are."""
    if isinstance(one, Instance) and isinstance(other, Instance):
        shared = next((cls for cls in one.cls.__mro__ if issubclass(other.cls, cls)), object)
        return Instance(shared, one.sure and other.sure) if shared is not object else None
    return one if one == other else None


def imported(name: str, thing: Any) -> Any:
    """Return what an imported thing is."""
    if inspect.ismodule(thing):
        return Module(name)
    return Thing(thing) if inspect.isclass(thing) or callable(thing) else Instance(type(thing))


def result(function: Any, owner: type | None, name: str) -> Any:
    """Return what a function or property returns, as its annotation says."""
    owners = [cls.__name__ for cls in owner.__mro__] if owner is not None else []
    found = _stated(function, owner, owners, name)
    run = isinstance(found, Instance) and any(cls.__name__ == "Run" for cls in found.cls.__mro__)
    return found._replace(sure=not run or name in _OWN_RUNS) if isinstance(found, Instance) else found


def _stated(function: Any, owner: type | None, owners: list[str], name: str) -> Any:
    stated = next((_RESULTS[cls, name] for cls in owners if (cls, name) in _RESULTS), None)
    text = stated or getattr(function, "__annotations__", {}).get("return", "")
    return of_text(text if isinstance(text, str) else getattr(text, "__name__", ""), owner)


def of_text(text: str, owner: type | None) -> Any:
    """Return what an annotation says: an object of a class of the API, or many."""
    try:
        return _of_annotation(ast.parse(text, mode="eval").body, owner) if text else None
    except SyntaxError:
        return None


def _of_annotation(node: ast.expr, owner: type | None) -> Any:
    if isinstance(node, ast.BinOp):  # X | None, or one of two classes
        left, right = _of_annotation(node.left, owner), _of_annotation(node.right, owner)
        return left or right if not (left and right) else left if left == right else None
    if isinstance(node, ast.Subscript):
        name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        inner = node.slice.elts[-1] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        item = _of_annotation(inner, owner)
        if name in (*_LISTS, *_DICTS):
            return Many(item, name in _DICTS) if item is not None else None
        return item if name == "Optional" else None
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    if name == "Self" and owner is not None:
        return Instance(owner)
    cls = knowledge.classes().get(name.removesuffix("Like"))
    return Instance(cls) if cls is not None and name not in vars(builtins) else None
