"""The files of this checkout, or of this source distribution."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
_MADE = (".git", ".venv", "__pycache__", "build", "dist", "site")


def checkout_files() -> list[str]:
    """Return the files that belong to the project, by their paths from its root: all but what was made from them."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return sorted(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())
    found = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in _MADE and not name.endswith(("_cache", ".egg-info"))]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names if not name.endswith(".pyc")]
    return sorted(found)


def checkout_texts() -> dict[str, str]:
    """Return those that are text: path from the root → content."""
    found = {}
    for name in checkout_files():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content:
            found[name] = content.decode("utf-8", "replace")
    return found
