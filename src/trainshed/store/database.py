"""The one seam to SQL."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trainshed.errors import WorkspaceException

SCHEMA_VERSION = 1
_SCHEMA = Path(__file__).with_name("schema.sql")
_NETWORK = ("nfs", "nfs4", "lustre", "gpfs", "cifs", "smb3", "fuse.sshfs", "beegfs")

Row = Any
"""A row: by position and by column name."""


class Database:
    """SQLite in one file: one writer at a time, readers that never wait for it.

    Another engine would stand behind the same verbs.

    Args:
        path: the file; made when it is not there, readable by its owner only.

    Raises:
        WorkspaceException: made by a newer release, or on a file system where SQLite loses data.
    """

    def __init__(self, path: Path) -> None:
        _refuse_network(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._path = path
        self._lock = threading.RLock()
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._writer = self._connect()
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "foreign_keys = ON", "trusted_schema = OFF", "synchronous = NORMAL"):
            connection.execute(f"PRAGMA {pragma}")
        with self._lock:
            self._open.append(connection)
        return connection

    def _prepare(self) -> None:
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise WorkspaceException(
                f"{self._path} was made by a newer Trainshed (format {version}; this release knows {SCHEMA_VERSION}). "
                "Update Trainshed, or use another workspace."
            )
        if version == 0:
            self._writer.executescript(f"BEGIN IMMEDIATE;\n{_SCHEMA.read_text(encoding='utf-8')}\nCOMMIT;")

    @contextlib.contextmanager
    def transaction(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Do several writes as one, or none of them.

        Args:
            durable: have the commit survive a loss of power, not only of the process.

        Yields:
            The connection to write with.
        """
        with self._lock:
            if durable:
                self._writer.execute("PRAGMA synchronous = FULL")
            try:
                # IMMEDIATE: a deferred transaction that later wants to write fails at once when another has begun.
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                except BaseException:
                    self._writer.execute("ROLLBACK")
                    raise
                self._writer.execute("COMMIT")
            finally:
                if durable:
                    self._writer.execute("PRAGMA synchronous = NORMAL")

    def one(self, sql: str, args: Sequence[Any] = ()) -> Row | None:
        """Return the first row, or None."""
        return self._reader().execute(sql, args).fetchone()

    def all(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Return all rows."""
        return self._reader().execute(sql, args).fetchall()

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Have several reads see the same state, whatever is written meanwhile."""
        reader = self._reader()
        reader.execute("BEGIN")
        try:
            yield
        finally:
            reader.execute("COMMIT")

    def tuples(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows by position alone, which is quicker where there are many."""
        cursor = self._reader().cursor()
        cursor.row_factory = None
        return cursor.execute(sql, args).fetchall()

    def _reader(self) -> sqlite3.Connection:
        """Return this thread's own connection: readers do not wait for each other."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        return connection

    def check(self) -> list[str]:
        """Return what is wrong with the file; nothing, if nothing is."""
        problems = [row[0] for row in self.all("PRAGMA integrity_check") if row[0] != "ok"]
        return problems + [f"dangling reference in {row[0]}" for row in self.all("PRAGMA foreign_key_check")]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()


def _refuse_network(folder: Path) -> None:
    if os.environ.get("TRAINSHED_ALLOW_NETWORK_FS"):
        return
    kind = _file_system(folder)
    if kind in _NETWORK:
        raise WorkspaceException(
            f"The workspace folder {folder} is on a network file system ({kind}), where a database can be damaged. "
            "Set TRAINSHED_HOME to a folder on a local disk (or TRAINSHED_ALLOW_NETWORK_FS=1 if you know better)."
        )


def _file_system(folder: Path) -> str:
    """Return the type of the file system below a folder, where the system tells."""
    best, kind = "", ""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return ""
    real = f"{folder.resolve()}/"
    for line in lines:
        _, mount, found, *_ = line.split(" ")
        if real.startswith(mount.rstrip("/") + "/") and len(mount) >= len(best):
            best, kind = mount, found
    return kind
