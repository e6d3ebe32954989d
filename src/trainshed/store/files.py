"""The manifest of a run's files, written when the run has ended."""

from __future__ import annotations

from typing import Any

from trainshed.errors import NotFoundException, did_you_mean
from trainshed.store.database import Database

Facts = dict[str, Any]
_COLUMNS = "name, size, sha256, modified"


class Files:
    """The table of files.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, run_id: str, rows: list[tuple[str, int, str, float]]) -> None:
        """Replace the manifest of a run.

        Args:
            run_id: the run.
            rows: ``(name, size in bytes, sha256, modified)`` of every file.
        """
        with self._database.transaction() as write:
            write.execute("DELETE FROM files WHERE run = ?", (run_id,))
            write.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?)", [(run_id, *row) for row in rows])

    def find(self, run_id: str, name: str) -> Facts | None:
        """Return the manifest entry of one file, if it has one."""
        row = self._database.one(f"SELECT {_COLUMNS} FROM files WHERE run = ? AND name = ?", (run_id, name))
        return None if row is None else dict(row)

    def get(self, run_id: str, name: str) -> Facts:
        """Return the manifest entry of one file.

        Raises:
            NotFoundException: no such file; the message suggests the most similar name.
        """
        found = self.find(run_id, name)
        if found is None:
            known = self._database.column("SELECT name FROM files WHERE run = ? LIMIT 1000", (run_id,))
            raise NotFoundException(f"Run '{run_id}' has no file '{name}'.{did_you_mean(name, known)}")
        return found

    def list(self, run_id: str, prefix: str = "") -> list[Facts]:
        """Return the manifest of a run: ``{"name", "size", "sha256", "modified"}``, by name.

        Args:
            run_id: the run.
            prefix: only names that begin with this.
        """
        # Not LIKE, because a name may contain its wildcards.
        sql = f"SELECT {_COLUMNS} FROM files WHERE run = ? AND substr(name, 1, ?) = ? ORDER BY name"
        return [dict(row) for row in self._database.all(sql, (run_id, len(prefix), prefix))]
