"""Named records of a workspace: its datastores and targets."""

from __future__ import annotations

import json
from typing import Any

from trainshed.errors import NotFoundException, UserErrorException, did_you_mean
from trainshed.spec.checks import is_name
from trainshed.store.database import Database
from trainshed.store.values import lenient_json, strict_json

Record = dict[str, Any]


class Registry:
    """The table of named records.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, kind: str, name: str, record: Record, *, overwrite: bool = True) -> None:
        """Store a record under its kind and name.

        Args:
            kind: e.g. ``"datastore"``.
            name: letters, digits, ``_`` and ``-``.
            record: JSON.
            overwrite: replace an existing record.

        Raises:
            UserErrorException: the name is invalid, or it exists and ``overwrite`` is false.
        """
        if not is_name(name):
            raise UserErrorException(f"Invalid {kind} name {name!r}. Use letters, digits, '_' and '-'.")
        then = "UPDATE SET record = excluded.record" if overwrite else "NOTHING"
        sql = f"INSERT INTO records (kind, name, record) VALUES (?, ?, ?) ON CONFLICT (kind, name) DO {then}"
        if not self._database.execute(sql, (kind, name, strict_json(record)), durable=True):
            raise UserErrorException(f"There is already a {kind} '{name}'. Choose another name, or overwrite it.")

    def get(self, kind: str, name: str) -> Record:
        """Return a record.

        Raises:
            NotFoundException: no such record; the message lists the existing ones.
        """
        row = self._database.one("SELECT record FROM records WHERE kind = ? AND name = ?", (kind, name))
        if row is None:
            known = self._database.column("SELECT name FROM records WHERE kind = ? ORDER BY name", (kind,))
            available = f" Available: {', '.join(known)}." if known else ""
            raise NotFoundException(f"There is no {kind} '{name}'.{available}{did_you_mean(name, known)}")
        record: Record = json.loads(row["record"])
        return record

    def list(self, kind: str) -> list[Record]:
        """Return all records of a kind, by name."""
        texts = self._database.column("SELECT record FROM records WHERE kind = ? ORDER BY name", (kind,))
        return [lenient_json(text) for text in texts]

    def delete(self, kind: str, name: str) -> None:
        """Delete a record."""
        self._database.execute("DELETE FROM records WHERE kind = ? AND name = ?", (kind, name), durable=True)
