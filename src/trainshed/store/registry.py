"""Named records of a workspace: its datastores, its targets."""

from __future__ import annotations

import json
from typing import Any

from trainshed.errors import UserErrorException
from trainshed.spec.checks import NAME
from trainshed.store.database import Database

Record = dict[str, Any]


class Registry:
    """The table of records.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, kind: str, name: str, record: Record) -> None:
        """Keep a record under its kind and name, in place of an earlier one.

        Args:
            kind: e.g. ``"datastore"``.
            name: letters, digits, ``_`` and ``-``.
            record: JSON.

        Raises:
            UserErrorException: no such name can be used.
        """
        if not NAME.match(name):
            raise UserErrorException(f"{kind.capitalize()} name {name!r}: use letters, digits, '_' and '-'.")
        with self._database.transaction(durable=True) as write:
            write.execute(
                "INSERT INTO records (kind, name, record) VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET record = excluded.record",
                (kind, name, json.dumps(record)),
            )

    def list(self, kind: str) -> list[Record]:
        """Return all records of a kind, by name."""
        rows = self._database.all("SELECT record FROM records WHERE kind = ? ORDER BY name", (kind,))
        return [json.loads(row["record"]) for row in rows]

    def delete(self, kind: str, name: str) -> None:
        """Forget a record."""
        with self._database.transaction(durable=True) as write:
            write.execute("DELETE FROM records WHERE kind = ? AND name = ?", (kind, name))
