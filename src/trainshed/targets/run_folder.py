"""The records in a run directory that a target on this machine reads and writes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write(path: Path, record: dict[str, Any]) -> None:
    """Write a record whole, or not at all.

    Args:
        path: the file.
        record: JSON.
    """
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record))
    part.replace(path)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read.

    Args:
        path: the file.
        text: what is to be in it.
    """
    with open(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)


def read(path: Path) -> dict[str, Any]:
    """Return a record; nothing where there is no such file."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return found


def piece(path: Path, offset: int, limit: int) -> bytes:
    """Return up to ``limit`` bytes of a file from ``offset`` on; none where there is no such file."""
    try:
        with open(path, "rb") as file:
            file.seek(offset)
            return file.read(limit)
    except FileNotFoundError:
        return b""
