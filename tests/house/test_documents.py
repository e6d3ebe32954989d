"""What is written about the project: whole, and its links lead somewhere (those between pages: ``make docs``)."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, checkout_files

import trainshed
from trainshed.api import hyperdrive
from trainshed.cli.parser import parse

OURS = "https://github.com/trainshed/trainshed/"
PAGES = [name for name in checkout_files() if name.endswith(".md")]
REFERENCE = {path: path.read_text() for path in sorted((ROOT / "docs" / "reference").glob("*.md"))}


def targets(text: str) -> list[str]:
    """Return where the links of a page lead."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.S)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target in targets(page.read_text()):
        if target.startswith((f"{OURS}blob/main/", f"{OURS}tree/main/")):
            path, _, anchor = target.removeprefix(OURS).split("/", 2)[2].partition("#")
            found = ROOT / path
        elif re.match(r"[a-z]+:", target):
            continue
        else:
            path, _, anchor = target.partition("#")
            found = page.parent / path if path else page
        assert found.exists(), f"{name}: {target}"
        assert not anchor or found.suffix != ".md" or anchor in anchors(found), f"{name}: {target}"


def test_every_public_name_is_in_the_reference() -> None:
    written = set(re.findall(r"^\.\. auto\w+:: trainshed\.(\w+)", "\n".join(REFERENCE.values()), re.M))
    assert set(trainshed.__all__) - {"__version__"} - written == set()
    assert ".. automodule:: trainshed.hyperdrive" in "\n".join(REFERENCE.values())
    assert all(getattr(hyperdrive, name).__doc__ for name in hyperdrive.__all__ if name != "MAX_DURATION_MINUTES")


def test_the_readmes_programs_import_what_they_use() -> None:
    """Every name in its Python blocks, read one after the other, is imported or made there."""
    known = set(dir(builtins))
    used: set[str] = set()
    for block in re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.S):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Name):
                (used if isinstance(node.ctx, ast.Load) else known).add(node.id)
            elif isinstance(node, ast.alias):
                known.add(node.asname or node.name)
        assert used <= known, block
    text = (ROOT / "README.md").read_text()
    assert "example.org" not in text  # an image that nobody can pull
    assert "trainshed[" not in text  # an extra of a package that is on no index


def test_the_picture_is_of_a_run_by_todays_command_line() -> None:
    """tools/terminal_picture.py draws it anew."""
    text = (ROOT / "docs" / "terminal.svg").read_text()
    assert len(text) < 10_000
    for command in terminal_picture().COMMANDS:
        assert f"$ {command}<" in text
        parse(command.split()[1:])


def terminal_picture() -> Any:
    spec = importlib.util.spec_from_file_location("terminal_picture", ROOT / "tools" / "terminal_picture.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_promise_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "promises.md").read_text()
    rows = re.findall(r"^\| \d+ \|.*\| (.*) \|$", page, re.M)
    assert len(rows) >= 24
    for tests in rows:
        named = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", tests)
        assert named, tests
        for path, name in named:
            assert re.search(rf"^def {name or 'test_'}", (ROOT / "tests" / path).read_text(), re.M), f"{path}::{name}"
