"""What is brought to another machine: the rooms that run there and the tree for scripts, as one archive."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import NamedTuple

_PACKAGE = Path(__file__).parent.parent
_ROOMS = ("containers", "data", "environments", "launchers", "machines", "node", "spec", "system")
_FILES = ("__init__.py", "errors.py", "version.py")
_KINDS = (".py", ".tsv")


class Kit(NamedTuple):
    """The node part of this release.

    Attributes:
        digest: names it by its content.
        archive: a zip file: ``trainshed/``, the rooms, and ``runtime/``, what is put on a script's PYTHONPATH.
    """

    digest: str
    archive: bytes


def make(runtime: Path) -> Kit:
    """Return the kit.

    Args:
        runtime: the tree for scripts, as :func:`trainshed.service.script_tree.assemble` lays it out.
    """
    contents: dict[str, bytes] = {"trainshed/__init__.py": b""}
    for path in sorted(_PACKAGE / name for name in _FILES[1:]):
        contents[f"trainshed/{path.name}"] = path.read_bytes()
    for room in _ROOMS:
        for path in sorted((_PACKAGE / room).rglob("*")):
            if path.suffix in _KINDS:
                contents[f"trainshed/{path.relative_to(_PACKAGE).as_posix()}"] = path.read_bytes()
    for path in sorted(runtime.rglob("*.py")):
        contents[f"runtime/{path.relative_to(runtime).as_posix()}"] = path.read_bytes()
    digest = hashlib.sha256(repr(sorted(contents.items())).encode()).hexdigest()[:16]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return Kit(digest, packed.getvalue())


def bootstrap_text() -> str:
    """Return the program that takes the kit in on the other machine."""
    return (Path(__file__).parent / "bootstrap.py").read_text(encoding="utf-8")
