"""Discovery of self-contained Python interpreters, which can be mounted into images without Python."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import List, Optional, Tuple

from trainshed.environments import interpreters

_OLDEST = (3, 8)
# Mounting these folders into an image would hide the image's own files.
_SHARED = ("/", "/usr", "/usr/local", "/opt", "/opt/homebrew")
_CODE = "import sys; print(sys.base_prefix)"


def candidates(wanted: Optional[str], home: Path) -> List[Tuple[str, str]]:
    """Return (path of the interpreter, folder with all its files) of each self-contained interpreter, best first.

    Args:
        wanted: requested Python version, or None.
        home: Trainshed's home on this node.
    """
    known = [one for one in interpreters.everything(home) if one.version >= _OLDEST]
    own = interpreters.own()
    known.sort(key=lambda one: (not _fits(one, wanted), one.version[:2] != own.version[:2], [-n for n in one.version]))
    found: List[Tuple[str, str]] = []
    for one in known:
        folder = _folder(one.path)
        program = os.path.join(folder, "bin", "python{}.{}".format(*one.version))
        if folder not in _SHARED and os.access(program, os.X_OK) and (program, folder) not in found:
            found.append((program, folder))
    return found


def _fits(one: interpreters.Interpreter, wanted: Optional[str]) -> bool:
    return wanted is None or interpreters.satisfies(one.version, wanted)


def _folder(path: str) -> str:
    argv = [path, "-I", "-S", "-c", _CODE]
    try:
        output = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return "/"
    return os.path.realpath(output.strip() or "/")
