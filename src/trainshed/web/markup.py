"""Markup from templates: for the documents and panels of the page, and for what notebooks show."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trainshed.web import words

if TYPE_CHECKING:
    import jinja2

_FOLDER = Path(__file__).with_name("templates")


def render(name: str, /, **values: Any) -> str:
    """Return what a template makes of some values. All of them are escaped, and one that is missing is an error.

    Args:
        name: the template's file, e.g. ``"fragment.html"``.
        values: what it names.
    """
    return _environment().get_template(name).render(values)


@cache
def _environment() -> jinja2.Environment:
    """Return what keeps the templates; each is compiled when it is first used."""
    import jinja2  # here, because a service that is never looked at does not need it

    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        segment=lambda text: quote(text, safe=""),
        grouped=lambda count: f"{count:,}",
        pretty=lambda value: json.dumps(value, indent=2),
        took=words.took,
        ago=words.ago,
        many=words.many,
        sig=words.sig,
    )
    return made
