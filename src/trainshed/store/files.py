"""Which files a run has: its manifest, written when it has ended."""

from __future__ import annotations

from typing import Any

from trainshed.store.database import Database


class Files:
    """The table of files.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def replace(self, run_id: str, rows: list[tuple[str, int, str, float]]) -> None:
        """Make the manifest of a run what ``rows`` say.

        Args:
            run_id: the run.
            rows: ``(name, size in bytes, sha256, modified)`` of every file.
        """
        with self._database.transaction() as write:
            write.execute("DELETE FROM files WHERE run = ?", (run_id,))
            write.executemany("INSERT INTO files VALUES (?, ?, ?, ?, ?)", [(run_id, *row) for row in rows])

    def list(self, run_id: str) -> list[dict[str, Any]]:
        """Return the manifest of a run: ``{"name", "size", "sha256", "modified"}``, by name."""
        sql = "SELECT name, size, sha256, modified FROM files WHERE run = ? ORDER BY name"
        return [dict(row) for row in self._database.all(sql, (run_id,))]
