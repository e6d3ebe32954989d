"""The page as a browser loads it: a document for every address, and files that browsers keep."""

from __future__ import annotations

import gzip
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from trainshed.web.markup import render

_FOLDER = Path(__file__).with_name("static")
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_TABLES = ("tabulator-6.5.3.min.css", "tables.css")
_STYLES = {"runs": _TABLES, "compare": _TABLES}
_IMPORT = re.compile(r"from '\./([\w.-]+\.js)'")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
)


class Asset(NamedTuple):
    """A static file.

    Attributes:
        media_type: its type.
        content: the file.
        packed: the same, compressed by gzip.
    """

    media_type: str
    content: bytes
    packed: bytes


@cache
def version() -> str:
    """Return a text that changes with any of the files. It is in their addresses, so browsers keep them for good."""
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@cache
def asset(name: str) -> Asset | None:
    """Return a file of the page; None if there is none of this name.

    Args:
        name: name of the file.
    """
    kind = _TYPES.get(Path(name).suffix)
    if kind is None or "/" in name or name not in {path.name for path in _FOLDER.iterdir()}:
        return None
    content = (_FOLDER / name).read_bytes()
    return Asset(kind, content, gzip.compress(content, 9, mtime=0))


@cache
def document(base: str, page: str) -> str:
    """Return the document that a browser loads. It contains no data, so everybody may see it.

    Args:
        base: the way from the document's address to that of the page, e.g. ``"../"``. It is relative, because a proxy
            may have put something before the path.
        page: which page it is: ``"runs"``, ``"run"``, ``"compare"`` or ``"services"``.
    """
    return render(
        f"{page}.html",
        base=base,
        page=page,
        assets=f"assets/{version()}",
        styles=["base.css", *_STYLES.get(page, ()), f"{page}.css"],
        modules=_modules(f"{page}.js"),
    )


@cache
def _modules(name: str) -> tuple[str, ...]:
    """Return the modules that a module needs, so that a browser asks for all at once."""
    found: dict[str, None] = {}
    waiting = [name]
    while waiting:
        text = (_FOLDER / waiting.pop()).read_text(encoding="utf-8")
        fresh = [each for each in _IMPORT.findall(text) if each not in found]
        found.update(dict.fromkeys(fresh))
        waiting += fresh
    return tuple(found)
