"""The schema of the history, and the migrations from earlier releases.

``migrations/NNNN_what.sql`` converts the previous format to format NNNN. Each is one transaction, so that a service
that is killed meanwhile leaves either the old format or the new one. ``schema.sql`` is the result of all of them, for a
new history.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from trainshed.errors import WorkspaceException
from trainshed.spec import layout

VERSION = 7
OLDEST = 3
"""The format of release 0.1.0; there are no migrations from older ones."""
_SCHEMA = Path(__file__).with_name("schema.sql")
_MIGRATIONS = Path(__file__).with_name("migrations")


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Bring a database to the schema of this release.

    Args:
        connection: to the database, outside any transaction.
        path: its file. Before a change, it is copied to ``<name>.format-<version>`` beside it.

    Raises:
        WorkspaceException: it was created by a newer release, or by one before 0.1.0, or it is empty beside runs; it is
            not changed.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        raise WorkspaceException(
            f"{path} was created by a newer Trainshed (format {version}; this release supports up to {VERSION}). "
            "Upgrade Trainshed: pip install --upgrade trainshed."
        )
    if 0 < version < OLDEST:
        raise WorkspaceException(
            f"{path} was created by a Trainshed from before its first release (format {version}). "
            "Move the workspace folder away, or use another workspace."
        )
    if version == 0:
        refuse_lost(path)
        _apply(connection, _SCHEMA.read_text(encoding="utf-8"), VERSION)
    elif version < VERSION:
        _back_up(connection, path, version)
        for step in sorted(_MIGRATIONS.glob("*.sql")):
            number = int(step.name[:4])
            if number > version:
                _apply(connection, step.read_text(encoding="utf-8"), number)


def refuse_lost(path: Path) -> None:
    """Raise if there are runs of which a new history would know nothing.

    Args:
        path: the file of the history, which is empty or missing.

    Raises:
        WorkspaceException: the message says what to do.
    """
    runs = path.parent / "runs"
    if runs.is_dir() and any((run / layout.SPEC).exists() for run in runs.iterdir()):
        raise WorkspaceException(
            f"{path} is {'empty' if path.exists() else 'missing'}, but there are runs in {runs}. Restore it from a "
            f"backup; or, to begin a new history, move {runs} to another place first."
        )


def _apply(connection: sqlite3.Connection, script: str, version: int) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _back_up(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the database in its current state; the copy gets its name once it is complete and on the disk."""
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
