"""The house's numbers: sizes that keep every file and function readable."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "trainshed"
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = {
    "api",
    "cli",
    "client",
    "containers",
    "data",
    "environments",
    "integrations",
    "system",
    "launchers",
    "node",
    "runtime",
    "service",
    "spec",
    "store",
    "sweeps",
    "targets",
    "machines",
    "tensorboard",
    "web",
    "widgets",
}
BLIND = {
    "node/life.py": 1,
    "machines/serve.py": 1,
    "runtime/errors.py": 3,
    "runtime/mlflow_server.py": 1,
    "runtime/scoring_server.py": 1,
    "service/attempts.py": 1,
}
"""Where any exception at all may be caught, besides the handler that Starlette calls."""


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{path.relative_to(SOURCE)}:{node.name}", node


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_is_over_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_functions_are_short() -> None:
    sizes = {name: body_lines(node) for name, node in functions()}
    assert {name: size for name, size in sizes.items() if size > 50} == {}
    short = sum(size <= 30 for size in sizes.values())
    assert short / len(sizes) >= 0.95


def test_every_file_is_in_a_room() -> None:
    strays = {path.name for path in SOURCE.glob("*.py")} - {"__init__.py", "__main__.py", "errors.py", "version.py"}
    assert strays == set()
    assert {path.name for path in SOURCE.iterdir() if path.is_dir()} - {"__pycache__"} == ROOMS


def test_blind_excepts_are_in_their_places() -> None:
    found: dict[str, int] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Name) and node.type.id == "Exception":
                name = str(path.relative_to(SOURCE))
                found[name] = found.get(name, 0) + 1
    assert found == BLIND


def test_nothing_that_runs_data_as_code() -> None:
    forbidden = {"eval", "exec", "pickle", "marshal", "mktemp", "extractall", "system"}
    names = {
        (str(path.relative_to(SOURCE)), name)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        for name in [getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "module", None)]
        if name in forbidden
    }
    cells = "runtime/notebook_shells.py"  # the user's own program, like a script
    assert names == {(cells, "exec"), (cells, "eval")}
    assert not any("shell=True" in path.read_text() for path in FILES)
