"""The schema of the history, and the steps that lead to it from the schema of an earlier release.

``migrations/NNNN_what.sql`` makes format NNNN of the one before. Each is one transaction, so that a service which is
killed meanwhile finds the one format or the other. ``schema.sql`` is what they all lead to, for a new history.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from trainshed.errors import WorkspaceException

VERSION = 5
OLDEST = 3
"""The format of release 0.1.0; there are no steps from older ones."""
_SCHEMA = Path(__file__).with_name("schema.sql")
_MIGRATIONS = Path(__file__).with_name("migrations")


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a database to the schema of this release.

    Args:
        connection: to the database, without a transaction of its own.
        path: its file. The copy that is made before it is changed lies beside it, as ``<name>.format-<version>``.

    Raises:
        WorkspaceException: a newer release made it, or one from before 0.1.0; it is left as it is.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise WorkspaceException(
            f"{path} was made by a newer Trainshed (format {version}; this release knows up to {VERSION}). "
            "Upgrade trainshed: pip install --upgrade trainshed."
        )
    if 0 < version < OLDEST:
        raise WorkspaceException(
            f"{path} was made by a Trainshed from before its first release (format {version}). "
            "Move the workspace's folder away, or use another workspace."
        )
    if version == 0:
        _apply(connection, _SCHEMA.read_text(encoding="utf-8"), VERSION)
    elif version < VERSION:
        _back_up(connection, path, version)
        for step in sorted(_MIGRATIONS.glob("*.sql")):
            number = int(step.name[:4])
            if number > version:
                _apply(connection, step.read_text(encoding="utf-8"), number)


def _apply(connection: sqlite3.Connection, script: str, version: int) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the database as it is now; the copy has its name once it is complete and on the disk."""
    part = path.with_name(f"{path.name}.part")
    fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        copy = sqlite3.connect(part)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        os.fsync(fd)
        part.replace(path.with_name(f"{path.name}.format-{version}"))
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
