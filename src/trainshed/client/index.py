"""Facts about a source folder at its last submit: an unchanged file costs one stat, an unchanged folder no request.

The index is in the client's cache; if it is lost or damaged, it is rebuilt.
"""

from __future__ import annotations

import os

from trainshed.client.cache import cache, mark
from trainshed.errors import TYPE_CHECKING
from trainshed.system import files
from trainshed.system.jsons import dumps, loads

if TYPE_CHECKING:
    from typing import Any

_VERSION = 1
_RACY = 2_000_000_000
"""Nanoseconds. A file changed this shortly before it was read may change again without a new modification time."""


class Index:
    """Facts about one source folder from its last submit.

    Attributes:
        files: path → ``[size, mtime_ns, inode, ctime_ns, mode, sha256]``.
        links: path → target.
        dirs: the empty folders.
        snapshot: id of the snapshot they made, or None.
        time: when the folder was read, in nanoseconds since the epoch.

    Args:
        path: where the index is stored; None disables it.
        folder: the source folder.
    """

    def __init__(self, path: str | None, folder: str) -> None:
        self._path = path
        self._folder = folder
        known = self._load() or {}
        self.files: dict[str, list[Any]] = known.get("files", {})
        self.links: dict[str, str] = known.get("links", {})
        self.dirs: list[str] = known.get("dirs", [])
        self.snapshot: str | None = known.get("id")
        self.time: int = known.get("time", 0)

    def _load(self) -> dict[str, Any] | None:
        if self._path is None:
            return None
        try:
            with open(self._path, "rb") as file:
                known = loads(file.read())
        except (OSError, ValueError):
            return None
        if not isinstance(known, dict) or known.get("version") != _VERSION or known.get("folder") != self._folder:
            return None
        return known

    def settled(self, facts: list[Any]) -> bool:
        """Tell whether a file's times are old enough to be trusted.

        Args:
            facts: as in :attr:`files`.
        """
        limit = self.time - _RACY
        return bool(facts[1] < limit and facts[3] < limit)

    def save(self) -> None:
        """Write the index atomically; if the folder is not writable, only the speed-up is lost."""
        if self._path is None:
            return
        record = {
            "version": _VERSION,
            "folder": self._folder,
            "time": self.time,
            "id": self.snapshot,
            "files": self.files,
            "links": self.links,
            "dirs": self.dirs,
        }
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            files.write(self._path, dumps(record))
        except OSError:
            return


def index_path(service: str, folder: str) -> str:
    """Return where the index of a source folder is stored; each service has its own, because it has its own snapshots.

    Args:
        service: folder or address of the workspace.
        folder: absolute path of the source folder.
    """
    # If two folders share a checksum, the index contains the wrong folder name and is ignored.
    return cache("index", f"{mark(service, folder)}.json")
