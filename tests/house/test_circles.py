"""Inside a room modules form no circle: imports in functions and for types alone are counted, too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
API_FLOORS = 8

Graph = dict[str, set[str]]
"""Module → the modules that it imports."""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


TREES = {module_name(path): ast.parse(path.read_text()) for path in sorted((SOURCE / "trainshed").rglob("*.py"))}
ROOMS = sorted({name.split(".")[1] for name in TREES if name.count(".") > 1})


def imports(module: str) -> Iterator[tuple[str, str]]:
    """Yield (from where, name) of every import anywhere in a file; the name is empty for ``import x``."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            yield from ((each.name, "") for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, each.name) for each in node.names)


def home_of(where: str, name: str) -> str:
    """Return the module in which an imported name is defined, through packages that pass it on."""
    if f"{where}.{name}" in TREES:
        return f"{where}.{name}"
    passed_on = [source for source, each in imports(where) if each == name] if where in TREES else []
    is_package = any(other.startswith(f"{where}.") for other in TREES)
    return home_of(passed_on[0], name) if is_package and passed_on else where


def graph_of(room: str) -> Graph:
    inside = [name for name in TREES if name == f"trainshed.{room}" or name.startswith(f"trainshed.{room}.")]
    return {
        module: {home for where, name in imports(module) if (home := home_of(where, name)) in inside} - {module}
        for module in inside
    }


def below(graph: Graph, module: str) -> set[str]:
    """Return all modules that a module needs, itself only where it is in a circle."""
    found: set[str] = set()
    todo = [*graph[module]]
    while todo:
        each = todo.pop()
        if each not in found:
            found.add(each)
            todo += graph[each]
    return found


def circles(graph: Graph) -> list[list[str]]:
    reach = {module: below(graph, module) for module in graph}
    rings = {frozenset(each for each in reach[module] if module in reach[each]) for module in graph}
    return sorted(sorted(ring) for ring in rings if ring)


def passes_names_on(module: str) -> bool:
    """Tell whether a package's own file has nothing but imports, which are followed to what they bring."""
    body = TREES[module].body
    return all(isinstance(node, (ast.Expr, ast.Import, ast.ImportFrom)) or assigns_all(node) for node in body)


def assigns_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def tower(graph: Graph) -> list[str]:
    """Return a longest chain of modules in which each imports the one before; there must be no circle."""
    chains: dict[str, list[str]] = {}

    def chain(module: str) -> list[str]:
        if module not in chains:
            chains[module] = [*max((chain(each) for each in graph[module]), key=len, default=[]), module]
        return chains[module]

    return max((chain(module) for module in graph), key=len)


@pytest.mark.parametrize("room", ROOMS)
def test_no_circles_in(room: str) -> None:
    assert circles(graph_of(room)) == []


def test_the_floors_of_the_api() -> None:
    highest = tower({module: needs for module, needs in graph_of("api").items() if not passes_names_on(module)})
    assert len(highest) <= API_FLOORS, " <- ".join(highest)


def test_circles_and_floors_are_told() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}
    assert circles(graph) == [["b", "c"]]
    assert tower({"a": {"b", "d"}, "b": {"d"}, "d": set()}) == ["d", "b", "a"]
    assert circles({"a": {"a"}}) == [["a"]]
