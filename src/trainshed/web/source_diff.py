"""The difference between the sources of two runs."""

from __future__ import annotations

import difflib
from typing import Any

from trainshed.store.snapshots import Snapshots

_LARGEST = 400_000
"""Bytes of a file that is compared line by line."""
_FILES = 200
_LINES = 4000


def difference(snapshots: Snapshots, one: str, two: str) -> dict[str, Any]:
    """Return how one snapshot differs from another.

    Args:
        snapshots: the store.
        one: id of the earlier snapshot.
        two: id of the later one.

    Returns:
        ``{"files": [path, …], "diff": text}``, the text in the unified format.

    Raises:
        NotFoundException: no such snapshot.
    """
    old, new = _files(snapshots, one), _files(snapshots, two)
    changed = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    paths = changed[:_FILES]
    before = _texts(snapshots, one, {path for path in paths if path in old})
    after = _texts(snapshots, two, {path for path in paths if path in new})
    lines: list[str] = []
    for path in paths:
        names = f"a/{path}" if path in old else "/dev/null", f"b/{path}" if path in new else "/dev/null"
        if before.get(path, "") is None or after.get(path, "") is None:
            lines.append(f"diff {names[0]} {names[1]}: not compared, because it is large or no text")
            continue
        left, right = (before.get(path) or "").splitlines(), (after.get(path) or "").splitlines()
        lines += difflib.unified_diff(left, right, *names, lineterm="")
        if len(lines) > _LINES:
            lines = [*lines[:_LINES], "… and more"]
            break
    return {"files": changed, "diff": "\n".join(lines)}


def _files(snapshots: Snapshots, tree: str) -> dict[str, str]:
    return {entry["path"]: entry["sha256"] for entry in snapshots.tree(tree) if entry["kind"] == "file"}


def _texts(snapshots: Snapshots, tree: str, paths: set[str]) -> dict[str, str | None]:
    """Return the contents of files; None for what is no text, or too large."""
    found: dict[str, str | None] = {}
    if not paths:
        return found
    for entry, pieces in snapshots.files(tree):
        if entry["path"] in paths:
            content = b"".join(pieces) if entry["size"] <= _LARGEST else b"\0"
            found[entry["path"]] = None if b"\0" in content else content.decode("utf-8", "replace")
    return found
