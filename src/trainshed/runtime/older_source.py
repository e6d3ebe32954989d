"""Compiles the client for Python 3.6 to 3.9.

It has the syntax of Python 3.6 (``tests/house`` holds that), but today's annotations, ``zip`` and methods of strings.
"""

import ast
from importlib.machinery import SourceFileLoader

from trainshed.runtime.lazy import lazy

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def isascii(text: str) -> bool:
    """Tell whether a string consists of ASCII characters."""
    return all(character < "\x80" for character in text)


def removeprefix(text: str, prefix: str) -> str:
    """Return a string without a prefix that it may have."""
    return text[len(prefix) :] if text.startswith(prefix) else text


def removesuffix(text: str, suffix: str) -> str:
    """Return a string without a suffix that it may have."""
    return text[: -len(suffix)] if suffix and text.endswith(suffix) else text


_METHODS = {function.__name__ for function in (isascii, removeprefix, removesuffix)}
_HERE = "__import__('sys').modules['trainshed.runtime.older_source']"


class Transformer(ast.NodeTransformer):
    """Leaves out annotations, except that classes keep their fields, and replaces later features of Python."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> "ast.ImportFrom | None":
        """Leave out ``from __future__ import annotations``, which Python 3.6 does not know, and protocols."""
        node.names = [name for name in node.names if name.name != "Protocol"]
        return None if node.module == "__future__" or not node.names else node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Leave out protocols, and the parameters of classes such as ``dict[str, int]``."""
        bases = [base.value if isinstance(base, ast.Subscript) else base for base in node.bases]
        node.bases = [base for base in bases if not (isinstance(base, ast.Name) and base.id == "Protocol")]
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """Leave out the annotation of a parameter."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Leave out the annotation of a result."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Replace the annotation of a variable: records take the names of their fields from these."""
        node.annotation = ast.Str(s="object")
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Leave out ``strict=`` of ``zip``, and call the functions above for methods that strings lack."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "zip":
            node.keywords = []
        if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS:
            node.args.insert(0, node.func.value)
            node.func.value = ast.parse(_HERE, mode="eval").body
        return node


class Loader(SourceFileLoader):
    """Loads a module whose source is transformed first; Python caches the result as usual."""

    def source_to_code(self, data: "Any", path: "Any", **_: object) -> "Any":  # type: ignore[override]
        """Compile the source."""
        tree = ast.fix_missing_locations(Transformer().visit(ast.parse(data)))
        return compile(tree, path, "exec", dont_inherit=True)

    def exec_module(self, module: "ModuleType") -> None:
        """Execute the module."""
        super().exec_module(module)
        if "__getattr__" in vars(module):
            lazy(module.__name__)
