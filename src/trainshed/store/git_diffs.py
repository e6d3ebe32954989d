"""What was not committed in the source folder of a run when it was submitted."""

from __future__ import annotations

import json

from trainshed.store.database import Database

KIND = "git_diff"
"""Of the records that hold it."""


def keep(database: Database, run_id: str, text: str) -> None:
    """Keep it.

    Args:
        database: the workspace's.
        run_id: the run.
        text: a unified difference.
    """
    sql = "INSERT OR REPLACE INTO records (kind, name, record) VALUES (?, ?, ?)"
    database.execute(sql, (KIND, run_id, json.dumps({"diff": text})))


def of(database: Database, run_id: str) -> str:
    """Return what :func:`keep` has kept; nothing if there is none."""
    row = database.one("SELECT record FROM records WHERE kind = ? AND name = ?", (KIND, run_id))
    return str(json.loads(row["record"])["diff"]) if row else ""
