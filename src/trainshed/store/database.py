"""The access to SQL."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from trainshed.errors import ServiceException, TrainshedError, UserErrorException, WorkspaceException
from trainshed.spec.arguments import parameter
from trainshed.store import schema
from trainshed.store.reserve import Reserve

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {"nfs", "nfs4", "lustre", "gpfs", "beegfs", "cifs", "smb3", "9p", "afs", "fuse.sshfs", "fuse.glusterfs"}
)
_MACHINE = ("disk is full", "disk I/O error", "readonly database", "database is locked", "unable to open")
"""Beginnings of SQLite's error messages for problems of the machine, which may be temporary."""
_FULL = ("disk is full", "disk I/O error")
"""Those that a full disk causes; SQLite calls it an I/O error where its shared memory cannot grow."""
_IDLE_READERS = 8

Row = Any
"""A row, indexed by position and by column name."""


class Database:
    """SQLite in one file: one writer at a time, readers that never wait for it; safe to use from any thread.

    Another database could implement the same methods.

    Args:
        path: the file; it and its folder are created if they do not exist, accessible only to their owner.

    Raises:
        WorkspaceException: created by a newer release, damaged, lost, or on a file system where SQLite loses data.
        ServiceException: a problem of the machine.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_network(path.parent)
        if not path.exists() or not path.stat().st_size:
            schema.refuse_lost(path)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            # By name, because closing a descriptor of a file drops all locks that this process has on it, SQLite's
            # included.
            os.chmod(path, 0o600)
        self._lock = threading.RLock()
        self._pool_lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._reserve = Reserve(path.with_name(f"{path.name}.reserve"))
        self._writer = self._opened()
        if not self._reserve.keep():
            self._reserve.give(urgent=False)  # a service needs room itself to start

    def _opened(self) -> sqlite3.Connection:
        """Return a connection to the database, in the schema of this release; on a full disk, room is made first."""
        while True:
            try:
                connection = self._connect()
                try:
                    with self._explained(urgent=True):
                        schema.prepare(connection, self._path)
                    return connection
                except BaseException:
                    connection.close()
                    raise
            except ServiceException as error:
                if not error.details.get("again"):
                    raise

    def has_room(self) -> bool:
        """Tell whether the disk has room for new runs, and still some for how those that are there will end."""
        return self._reserve.keep()

    def refuse_if_full(self) -> None:
        """Raise if there is no room for new runs.

        Raises:
            ServiceException: the disk is full; the message names it.
        """
        if not self.has_room():
            raise ServiceException(
                f"The disk of {self._path.parent} is full, so nothing new can be accepted; how runs end is still "
                "recorded. Free space on it ('trainshed gc' removes what no run needs) and try again."
            )

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.create_function("parameter", 3, parameter, deterministic=True)
        try:
            with self._explained(urgent=True):
                for pragma in (
                    "journal_mode = WAL",
                    "foreign_keys = ON",
                    "trusted_schema = OFF",
                    "synchronous = NORMAL",
                ):
                    connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def transaction(self, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Execute several writes as one transaction.

        Args:
            durable: make the commit survive a power failure, not only the end of the process.

        Yields:
            The connection to write with.

        Raises:
            UserErrorException: a value that cannot be stored: half a character, or a number of more than 64 bits.
            ServiceException: a problem of the machine: no space left, no permission.
        """
        with self._lock, self._explained(urgent=durable):
            if durable:
                self._writer.execute("PRAGMA synchronous = FULL")
            try:
                # IMMEDIATE, because a deferred transaction that later wants to write fails at once if another has
                # started.
                self._writer.execute("BEGIN IMMEDIATE")
                try:
                    yield self._writer
                    self._writer.execute("COMMIT")
                except BaseException:
                    # A commit may fail and leave the transaction open, or an error may have ended it.
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK")
                    raise
            finally:
                if durable:
                    self._writer.execute("PRAGMA synchronous = NORMAL")

    def execute(self, sql: str, args: Sequence[Any] = (), durable: bool = False) -> int:
        """Execute one write; return the number of changed rows."""
        with self.transaction(durable) as write:
            return write.execute(sql, args).rowcount

    def one(self, sql: str, args: Sequence[Any] = ()) -> Row | None:
        """Return the first row, or None."""
        with self._reader() as reader:
            return reader.execute(sql, args).fetchone()

    def all(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Return all rows."""
        with self._reader() as reader:
            return reader.execute(sql, args).fetchall()

    def tuples(self, sql: str, args: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return all rows as plain tuples, which is faster for many rows."""
        with self._reader() as reader:
            cursor = reader.cursor()
            cursor.row_factory = None
            return cursor.execute(sql, args).fetchall()

    def column(self, sql: str, args: Sequence[Any] = ()) -> list[Any]:
        """Return the only selected column, as values."""
        with self._reader() as reader:
            cursor = reader.cursor()
            cursor.row_factory = None
            # Row by row: creating a list of tuples first would take twice as long because of garbage collection.
            return [value for (value,) in cursor.execute(sql, args)]

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Cursor]:
        """Provide a cursor whose rows are plain tuples, for many queries in a row."""
        with self._reader() as reader:
            cursor = reader.cursor()
            cursor.row_factory = None
            yield cursor

    @contextlib.contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """Provide a connection from a pool; one per thread would not do, because a web server's threads come and go."""
        with self._pool_lock:
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        try:
            with self._explained():
                yield connection
        finally:
            with self._pool_lock:
                keep = not self._closed and len(self._idle) < _IDLE_READERS
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    @contextlib.contextmanager
    def _explained(self, urgent: bool = False) -> Iterator[None]:
        """Convert errors of SQLite; if the disk is full, make room for the next attempt.

        Args:
            urgent: make use of all the room that is kept, not only of most of it.
        """
        try:
            yield
        except (UnicodeEncodeError, OverflowError) as error:
            raise UserErrorException(
                f"A value cannot be stored ({error}): text must be valid Unicode, and whole numbers must fit in 64 "
                f"bits."
            ) from error
        except sqlite3.OperationalError as error:
            if not any(sign in str(error) for sign in _MACHINE):
                raise
            again = any(sign in str(error) for sign in _FULL) and self._reserve.give(urgent)
            raise ServiceException(
                f"The history {self._path} cannot be used ({error}). "
                "Free space on its disk, or check its permissions, and try again.",
                {"again": True} if again else None,
            ) from error
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise
            raise WorkspaceException(
                f"{self._path} cannot be used as a database ({error}). "
                "Restore it from a copy, or use another workspace."
            ) from error

    def check(self) -> list[str]:
        """Return the problems found in the file; an empty list if there are none."""
        try:
            problems = [row[0] for row in self.all("PRAGMA integrity_check") if row[0] != "ok"]
            return problems + [f"dangling reference in {row[0]}" for row in self.all("PRAGMA foreign_key_check")]
        except (sqlite3.DatabaseError, TrainshedError) as error:
            return [str(error)]

    def close(self) -> None:
        """Close all connections; those in use are closed after their use."""
        with self._lock, self._pool_lock:
            self._closed = True
            for connection in (self._writer, *self._idle):
                connection.close()
            self._idle.clear()


def _refuse_network(folder: Path) -> None:
    if os.environ.get("TRAINSHED_ALLOW_NETWORK_FS"):
        return
    try:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = file_system(f"{folder.resolve()}", mounts)
    if kind in _NETWORK:
        raise WorkspaceException(
            f"The workspace folder {folder} is on a network file system ({kind}), where a database can be damaged. "
            "Set TRAINSHED_HOME to a folder on a local disk, or set TRAINSHED_ALLOW_NETWORK_FS=1 at your own risk."
        )


def file_system(folder: str, mounts: str) -> str:
    """Return the type of the file system of a folder, e.g. ``"ext4"``; empty if unknown.

    Args:
        folder: absolute path without links.
        mounts: text in the format of Linux's ``/proc/self/mountinfo``.

    Example:
        >>> file_system("/home/me", "1 0 8:1 / / rw - ext4 /dev/sda rw")
        'ext4'
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        place, _, source = line.partition(" - ")
        fields = place.split(" ")
        if len(fields) > 4 and source:
            mount = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
            # Of equal mount points, the last one is on top.
            if f"{folder}/".startswith(mount.rstrip("/") + "/") and len(mount) >= len(best):
                best, kind = mount, source.split(" ")[0]
    return kind
