"""A cache of what an engine or an image was asked once: JSON files below Trainshed's home."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Mapping


def read(path: str) -> Dict[str, Any]:
    """Return what is kept in a file; nothing where there is none or it is spoilt.

    Args:
        path: the file.
    """
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def keep(path: str, values: Mapping[str, Any]) -> None:
    """Write a file whole, or not at all.

    Args:
        path: the file.
        values: JSON values by name.
    """
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    part = f"{path}.{os.getpid()}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(values, file)
    os.replace(part, path)
