"""Follows the names of SDK v1 through a program, without running it.

A receiver is told from what it was made by: an imported class, a method of a known object, ``with``, a chain of calls.
What cannot be told is not guessed.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

from azureml._check import knowledge
from azureml._check.kinds import Instance, Many, Module, Object, Returns, Thing, common, imported, of_text, result
from azureml._check.knowledge import NOT_HERE, WORKS, Verdict
from azureml._check.sources import Piece


class Use(NamedTuple):
    """A use of a name of SDK v1.

    Attributes:
        name: full name, e.g. ``"azureml.core.Run.log"``.
        verdict: what becomes of it.
        cell: number of the notebook's cell, or None.
        line: line of the file or cell, from 1.
    """

    name: str
    verdict: Verdict
    cell: int | None
    line: int


class Flow(ast.NodeVisitor):
    """Finds the uses in the pieces of one program."""

    def __init__(self) -> None:
        self.uses: list[Use] = []
        self._scopes: list[dict[str, Any]] = [{}]
        self._later: list[tuple[Any, list[dict[str, Any]], Piece, Object | None]] = []
        self._self: Object | None = None
        self._set: set[str] = set()
        self._piece = Piece(None)

    def run(self, pieces: list[Piece]) -> list[Use]:
        """Return the uses in a program of these pieces, in their order."""
        for self._piece in pieces:
            if self._piece.tree is not None:
                self._body(self._piece.tree.body)
        while self._later:
            function, self._scopes, self._piece, own = self._later.pop(0)
            self._scopes = [*self._scopes, {}]
            self._parameters(function.args)
            if own is not None and function.args.args:
                self._scopes[-1][function.args.args[0].arg] = own
            self._body(function.body)
        return self.uses

    # What is used

    def _use(self, node: Any, name: str, verdict: Verdict) -> None:
        self.uses.append(Use(name, verdict, self._piece.cell, self._piece.first + node.lineno))

    def _import(self, node: Any, name: str) -> Any:
        """Return what an imported name stands for, and note it if there is none."""
        try:
            thing = knowledge.found(name)
        except AttributeError:
            self._use(node, name, Verdict(NOT_HERE, f"'{name}' is not a name of SDK v1 that Trainshed has."))
            return None
        known = imported(name, thing)
        self._use(node, knowledge.public(thing) if isinstance(known, Thing) else name, Verdict(WORKS))
        return known

    # Statements

    def _body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        """Note modules of azureml."""
        for alias in node.names:
            root = alias.name.partition(".")[0]
            known = self._import(node, alias.name) if root == "azureml" else None
            self._scopes[-1][alias.asname or root] = known if alias.asname or known is None else Module("azureml")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Note names of azureml."""
        module = node.module or ""
        ours = module.partition(".")[0] == "azureml" and not node.level
        for alias in node.names:
            if ours and alias.name == "*":
                self._star(node, module)
            else:
                self._scopes[-1][alias.asname or alias.name] = (
                    self._import(node, f"{module}.{alias.name}") if ours else None
                )

    def _star(self, node: ast.ImportFrom, name: str) -> None:
        if self._import(node, name) is not None:
            module = knowledge.found(name)
            for each in getattr(module, "__all__", ()):
                self._scopes[-1][each] = imported(f"{name}.{each}", getattr(module, each))

    def visit_Assign(self, node: ast.Assign) -> None:
        """Note what is assigned to names."""
        known = self.value(node.value)
        for target in node.targets:
            self._bind(target, known)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Note what is assigned to an annotated name."""
        known = self.value(node.value) if node.value is not None else None
        self._bind(node.target, known or self._annotated(node.annotation))

    def _bind(self, target: ast.expr, known: Any) -> None:
        if isinstance(target, ast.Name):
            self._scopes[-1][target.id] = known
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts = known if type(known) is tuple else ()
            for index, each in enumerate(target.elts):
                self._bind(each, parts[index] if len(parts) == len(target.elts) else None)
        elif isinstance(target, ast.Starred):
            self._bind(target.value, None)
        elif isinstance(target, ast.Attribute):
            owner = self.value(target.value)
            self._set.add(target.attr)
            if isinstance(owner, Object):
                owner.attributes[target.attr] = common(owner.attributes.get(target.attr, known), known)
            if isinstance(owner, Instance):
                verdict = knowledge.of_member(owner.cls, target.attr)
                if verdict is not None:
                    self._use(target, f"{knowledge.public(owner.cls)}.{target.attr}", verdict)
        else:
            self._children(target)

    def visit_For(self, node: Any) -> None:
        """Note what a loop goes over."""
        over = self.value(node.iter)
        before = dict(self._scopes[-1])
        self._bind(node.target, over.element if isinstance(over, Many) else None)
        self._body([*node.body, *node.orelse])
        self._join(before)

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        """Follow the body of a loop."""
        self.value(node.test)
        before = dict(self._scopes[-1])
        self._body([*node.body, *node.orelse])
        self._join(before)

    def visit_If(self, node: ast.If) -> None:
        """Follow both branches."""
        self.value(node.test)
        before = dict(self._scopes[-1])
        self._body(node.body)
        after = self._scopes[-1]
        self._scopes[-1] = before
        self._body(node.orelse)
        self._join(after)

    def visit_Try(self, node: ast.Try) -> None:
        """Follow the body, then each handler as if the body had failed at some point."""
        before = dict(self._scopes[-1])
        self._body([*node.body, *node.orelse])
        ends = [self._scopes[-1]]
        for handler in node.handlers:
            self._scopes[-1] = dict(before)
            if handler.type is not None:
                self.value(handler.type)
            self._body(handler.body)
            if not isinstance(handler.body[-1], (ast.Raise, ast.Return, ast.Continue, ast.Break)):
                ends.append(self._scopes[-1])
        self._scopes[-1] = ends[0]
        for end in ends[1:]:
            self._join(end)
        self._body(node.finalbody)

    def _join(self, other: dict[str, Any]) -> None:
        """Keep of two branches what both agree on, and what only one of them has."""
        here = self._scopes[-1]
        for name in {*here, *other}:
            if name in here and name in other and here[name] != other[name]:
                here[name] = common(here[name], other[name])
            else:
                here[name] = here.get(name, other.get(name))

    def visit_With(self, node: Any) -> None:
        """Note what ``with`` gives a name to."""
        for item in node.items:
            known = self.value(item.context_expr)
            if item.optional_vars is not None:
                self._bind(item.optional_vars, known)
        self._body(node.body)

    visit_AsyncWith = visit_With

    def visit_FunctionDef(self, node: Any) -> None:
        """Follow a function once all else of its module is known."""
        for each in [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.value(each)
        self._scopes[-1][node.name] = None
        self._later.append((node, list(self._scopes), self._piece, self._self))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Follow the body of a class."""
        for each in [*node.decorator_list, *node.bases]:
            self.value(each)
        self._scopes.append({})
        outer, self._self = self._self, Object()
        self._body(node.body)
        self._self = outer
        self._scopes.pop()
        self._scopes[-1][node.name] = None

    def visit_Expr(self, node: ast.Expr) -> None:
        """Follow an expression."""
        self.value(node.value)

    def generic_visit(self, node: ast.AST) -> None:
        """Follow what a statement consists of."""
        self._children(node)

    def _children(self, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
            else:
                self.visit(child)

    def _parameters(self, arguments: ast.arguments) -> None:
        for each in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]:
            self._scopes[-1][each.arg] = self._annotated(each.annotation) if each.annotation is not None else None
        for other in (arguments.vararg, arguments.kwarg):
            if other is not None:
                self._scopes[-1][other.arg] = None

    def _annotated(self, annotation: ast.expr) -> Any:
        known = self.value(annotation)
        return Instance(known.thing) if isinstance(known, Thing) and inspect.isclass(known.thing) else None

    # Expressions

    def value(self, node: ast.expr) -> Any:
        """Return what is known of an expression's value, and note the uses in it."""
        method = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        if method is not None:
            return method(node)
        self._children(node)
        return None

    def _of_name(self, node: ast.Name) -> Any:
        for scope in reversed(self._scopes):
            if node.id in scope:
                return scope[node.id]
        return None

    def _of_attribute(self, node: ast.Attribute) -> Any:
        owner, name = self.value(node.value), node.attr
        if isinstance(owner, Object):
            return owner.attributes.get(name)
        if isinstance(owner, Module):
            return self._import(node, f"{owner.name}.{name}")
        if isinstance(owner, Many):
            pairs = Many((None, owner.item))
            given = {"values": Many(owner.item), "items": pairs, "get": owner.item, "pop": owner.item}
            return Returns(given[name]) if name in given else None
        if isinstance(owner, Instance):
            return self._member(node, owner.cls, name, instance=True)
        if isinstance(owner, Thing) and inspect.isclass(owner.thing):
            return self._member(node, owner.thing, name, instance=False)
        return None

    def _member(self, node: ast.Attribute, cls: type, name: str, instance: bool) -> Any:
        verdict = knowledge.of_member(cls, name)
        full = f"{knowledge.public(cls)}.{name}"
        if verdict is None and (name in self._set or hasattr(object, name)):
            return None
        if verdict is None:
            short = knowledge.public(cls).rpartition(".")[2]
            verdict = Verdict(NOT_HERE, f"{short}.{name} is not a member of SDK v1's {short} that Trainshed has.")
        self._use(node, full, verdict)
        if verdict.status == NOT_HERE:
            return None
        there = inspect.getattr_static(cls, name, None)
        if isinstance(there, property):
            return result(there.fget, cls, name) if instance else None
        if there is None:
            return of_text(knowledge.fields(cls).get(name, ""), cls)
        value = getattr(cls, name, None)  # members of an enumeration may not be had by its own members
        return Thing(value, cls) if callable(value) else Instance(type(value))

    def _of_call(self, node: ast.Call) -> Any:
        called = self.value(node.func)
        for each in node.args:
            self.value(each)
        for keyword in node.keywords:
            self.value(keyword.value)
        if isinstance(called, Returns):
            return called.item
        if isinstance(called, Many):
            return called  # in releases of 2018, ws.compute_targets was a method
        if not isinstance(called, Thing):
            return None
        return self._called(node, called)

    def _called(self, node: ast.Call, called: Thing) -> Any:
        thing, owner = called
        if owner is None:
            verdict = knowledge.of_thing(thing)
            self._use(node, knowledge.public(thing), verdict)
            if verdict.status == NOT_HERE:
                return None
        name = getattr(thing, "__name__", "")
        for keyword in node.keywords:
            if keyword.arg is not None and not knowledge.accepts(thing, owner, keyword.arg):
                full = knowledge.public(thing) if owner is None else f"{knowledge.public(owner)}.{name}"
                last = full.split(".")[-1 if owner is None else -2 :]
                text = f"{'.'.join(last)} has no parameter '{keyword.arg}'."
                self._use(keyword.value, f"{full}({keyword.arg}=)", Verdict(NOT_HERE, text))
        if inspect.isclass(thing):
            return Instance(thing)
        return result(thing, owner, name)

    def _of_subscript(self, node: ast.Subscript) -> Any:
        known = self.value(node.value)
        self.value(node.slice)
        return known.item if isinstance(known, Many) and not isinstance(node.slice, ast.Slice) else None

    def _of_await(self, node: ast.Await) -> Any:
        return self.value(node.value)

    def _of_namedexpr(self, node: ast.NamedExpr) -> Any:
        known = self.value(node.value)
        self._bind(node.target, known)
        return known

    def _of_ifexp(self, node: ast.IfExp) -> Any:
        self.value(node.test)
        return common(self.value(node.body), self.value(node.orelse))

    def _of_boolop(self, node: ast.BoolOp) -> Any:
        values = [self.value(each) for each in node.values]
        return values[0] if all(each == values[0] for each in values) else None

    def _of_tuple(self, node: ast.Tuple) -> Any:
        return tuple(self.value(each) for each in node.elts)

    def _of_list(self, node: ast.List) -> Any:
        items = [self.value(each) for each in node.elts]
        return Many(items[0]) if items and all(each == items[0] for each in items) else None

    def _of_lambda(self, node: ast.Lambda) -> None:
        self._scopes.append({})
        self._parameters(node.args)
        self.value(node.body)
        self._scopes.pop()

    def _of_listcomp(self, node: Any) -> Any:
        self._scopes.append({})
        for each in node.generators:
            over = self.value(each.iter)
            self._bind(each.target, over.element if isinstance(over, Many) else None)
            for condition in each.ifs:
                self.value(condition)
        results = [self.value(part) for part in _results(node)]
        self._scopes.pop()
        return Many(results[-1])

    _of_setcomp = _of_generatorexp = _of_dictcomp = _of_listcomp


def _results(node: Any) -> Iterator[ast.expr]:
    yield from (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
