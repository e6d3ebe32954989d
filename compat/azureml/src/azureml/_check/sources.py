"""Reads scripts and notebooks as the pieces of Python that they consist of."""

from __future__ import annotations

import ast
import json
import os
import re
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

SUFFIXES = (".py", ".ipynb")
_SKIPPED = {"__pycache__", "node_modules", "site-packages"}
_SCRIPT = re.compile(r"%%(?:writefile|file)\s+(?:-a\s+)?(?P<name>\S+)")
_OF_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun", "%%python3", "%%local")
_ASSIGNED = re.compile(r"(?P<target>[\w.,\s\[\]'\"]+?)=\s*[!%]")


class Piece(NamedTuple):
    """A piece of a file that is a program, or a part of one.

    Attributes:
        tree: its syntax tree, or None if it is no Python.
        cell: number of the notebook's cell, from 1, or None.
        first: line of the file or cell at which the piece begins, from 0.
        own: whether it is a program of its own: a script that a cell writes.
        problem: why it is no Python.
    """

    tree: ast.Module | None
    cell: int | None = None
    first: int = 0
    own: bool = False
    problem: str = ""


def files(paths: list[str]) -> Iterator[str]:
    """Yield the scripts and notebooks that paths stand for: files, and everything in folders.

    Hidden folders, virtual environments and installed packages are left out.

    Args:
        paths: files and folders.

    Raises:
        FileNotFoundError: a path does not exist.
    """
    for path in paths:
        if not os.path.isdir(path):
            os.stat(path)
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(
                name
                for name in folders
                if name not in _SKIPPED
                and not name.startswith(".")
                and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
            )
            yield from (
                os.path.normpath(os.path.join(folder, name)) for name in sorted(names) if name.endswith(SUFFIXES)
            )


def read(path: str) -> list[Piece]:
    """Return the pieces of a script or notebook that mentions azureml, else none. Raises OSError if it has no file."""
    with open(path, "rb") as opened:
        if b"azureml" not in opened.read():
            return []
    if path.endswith(".ipynb"):
        with open(path, encoding="utf-8", errors="replace") as file:
            try:
                cells = json.load(file)["cells"]
            except (ValueError, KeyError, TypeError):
                return [Piece(None, problem="it is no notebook of format 4")]
        return [piece for number, source in _code(cells) for piece in _cell(source, number)]
    try:
        with tokenize.open(path) as file:
            return [_parsed(file.read())]
    except (SyntaxError, UnicodeDecodeError) as error:
        return [Piece(None, problem=f"it is no Python file: {error}")]


def _code(cells: object) -> Iterator[tuple[int, str]]:
    """Yield the number, among the cells with code, and the source of each such cell."""
    number = 0
    for cell in cells if isinstance(cells, list) else ():
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            number += 1
            source = cell.get("source", "")
            yield number, source if isinstance(source, str) else "".join(map(str, source))


def _cell(source: str, number: int) -> list[Piece]:
    """Return the piece of a cell: its code without magics, or the script that it writes."""
    lines = source.splitlines()
    begin = next((index for index, line in enumerate(lines) if line.strip()), len(lines))
    first = lines[begin].strip() if begin < len(lines) else ""
    if first.startswith("%%"):
        script = _SCRIPT.match(first)
        if script:
            is_python = script["name"].strip("'\"").endswith(".py")
            return [_parsed("\n".join(lines[begin + 1 :]), number, begin + 1, own=True)] if is_python else []
        if not first.startswith(_OF_PYTHON):
            return []  # another language
        begin += 1
    return [_parsed("\n".join(_without_magics(lines[begin:])), number, begin)]


def _without_magics(lines: list[str]) -> Iterator[str]:
    """Yield the lines with IPython's own syntax replaced, so that line numbers stay."""
    continued = False
    for line in lines:
        indent, text = line[: len(line) - len(line.lstrip())], line.strip()
        assigned = _ASSIGNED.match(text)
        if continued or (text.startswith(("%", "!", "?")) or (text.endswith("?") and "#" not in text)):
            yield f"{indent}pass" if not continued else ""
            continued = text.endswith("\\")
        elif assigned:
            yield f"{indent}{assigned['target']} = None"
            continued = text.endswith("\\")
        else:
            yield line


def _parsed(source: str, cell: int | None = None, first: int = 0, own: bool = False) -> Piece:
    try:
        return Piece(ast.parse(source), cell, first, own)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        return Piece(None, cell, first + line - 1, own, f"it is not Python 3: {getattr(error, 'msg', error)}")
