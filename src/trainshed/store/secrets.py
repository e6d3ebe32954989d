"""Secrets of a workspace: one file that only its owner can read."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from trainshed.errors import UserErrorException
from trainshed.system import files

_NAME_LIMIT = 127
_VALUE_LIMIT = 25 << 10


class Secrets:
    """Name → secret.

    Args:
        path: the file; created with the first secret.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._read())

    def get(self, names: Iterable[str]) -> dict[str, str | None]:
        """Return secrets by name; None for missing ones."""
        found = self._read()
        return {name: found.get(name) for name in names}

    def set(self, secrets: Mapping[str, str]) -> None:
        """Store secrets, replacing existing ones.

        Raises:
            UserErrorException: an invalid name or value; the message does not repeat the value.
        """
        for name, value in secrets.items():
            if not name or len(name) > _NAME_LIMIT or not all(char.isalnum() or char in "-_" for char in name):
                raise UserErrorException(f"Invalid secret name {name!r}. Use at most 127 letters, digits, '-' and '_'.")
            if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > _VALUE_LIMIT:
                raise UserErrorException(f"Secret '{name}' must be text of at most 25 KB.")
        self._change(lambda kept: {**kept, **secrets})

    def delete(self, names: Iterable[str]) -> None:
        """Delete secrets; missing ones are ignored."""
        gone = set(names)
        self._change(lambda kept: {name: value for name, value in kept.items() if name not in gone})

    def _read(self) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return found

    def _change(self, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
        with self._lock:
            files.write(str(self._path), json.dumps(change(self._read())), durable=True)
