"""Merges environment variables from several sources."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

_FOLDERS = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")


def merge(*layers: Mapping[str, str]) -> dict[str, str]:
    """Merge all layers, later ones over earlier ones; lists of folders are prepended instead.

    Args:
        layers: from the lowest to the highest precedence.

    Example:
        >>> merge({"A": "1", "PATH": "/bin"}, {"A": "2", "PATH": "/opt/bin"})
        {'A': '2', 'PATH': '/opt/bin:/bin'}
    """
    merged: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.items():
            older = merged.get(name)
            in_front = name in _FOLDERS and older and older != value
            merged[name] = f"{value}{os.pathsep}{older}" if in_front else value
    return merged
