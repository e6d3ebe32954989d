"""How the site is built: ``make docs``. Nothing is fetched; a warning, such as a dead link, is an error."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from trainshed.version import VERSION

HERE = Path(__file__).parent

project = "Trainshed"
author = "The Trainshed authors"
release = version = VERSION
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"Trainshed {VERSION}"
html_theme_options = {"source_repository": "https://github.com/trainshed/trainshed/", "source_branch": "main"}
html_theme_options["source_directory"] = "docs/"

myst_heading_anchors = 4
autodoc_default_options = {"members": True, "member-order": "bysource", "show-inheritance": True}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False


def setup(_app: Any) -> None:
    """Write the pages that are made from the sources before any page is read."""
    made = runpy.run_path(str(HERE.parent / "tools" / "cli_reference.py"))["reference"]()
    page = HERE / "reference" / "cli.md"
    if not page.is_file() or page.read_text(encoding="utf-8") != made:
        page.write_text(made, encoding="utf-8")
