"""The catalog of versioned objects: models, datasets, environments, images."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trainshed.errors import NotFoundException, UserErrorException, did_you_mean
from trainshed.store import labels
from trainshed.store.database import Database
from trainshed.store.values import strict_json

Entry = dict[str, Any]
KINDS = ("model", "dataset", "environment", "image")
_NAME_LIMIT = 255
_COLUMNS = "kind, name, version, created, record, tags, properties"
_JSON = ("record", "tags", "properties")


class Catalog:
    """The table of versioned objects, with versions counted from 1 for each name.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, kind: str, name: str, entry: Mapping[str, Any], now: float) -> Entry:
        """Add a new version.

        Args:
            kind: one of :data:`KINDS`.
            name: its name.
            entry: ``{"record": JSON, "tags": {…}, "properties": {…}}``, all optional.
            now: time of creation.

        Returns:
            ``{"kind", "name", "version", "created", "record", "tags", "properties"}``.

        Raises:
            UserErrorException: an unknown kind, or an invalid name.
        """
        check_name(kind, name)
        texts = [strict_json(entry.get("record") or {})]
        texts += [strict_json(labels.checked(entry.get(column) or {})) for column in ("tags", "properties")]
        with self._database.transaction(durable=True) as write:
            newest = "SELECT coalesce(max(version), 0) + 1 FROM catalog WHERE kind = ? AND name = ?"
            version = int(write.execute(newest, (kind, name)).fetchone()[0])
            write.execute(
                f"INSERT INTO catalog ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", (kind, name, version, now, *texts)
            )
        return self.get(kind, name, version)

    def get(self, kind: str, name: str, version: int | None = None) -> Entry:
        """Return a version, or the newest.

        Raises:
            NotFoundException: no such entry; the message suggests the most similar name.
        """
        sql = f"SELECT {_COLUMNS} FROM catalog WHERE kind = ? AND name = ? AND deleted = 0"
        order = " ORDER BY version DESC LIMIT 1"
        row = self._database.one(f"{sql} AND version = coalesce(?, version){order}", (kind, name, version))
        if row is not None:
            return _entry(row)
        newest = self._database.one(sql + order, (kind, name))
        if newest is not None:
            raise NotFoundException(
                f"There is no version {version} of {kind} '{name}'; the newest is {newest['version']}."
            )
        names = "SELECT DISTINCT name FROM catalog WHERE kind = ? AND deleted = 0 LIMIT 1000"
        raise NotFoundException(
            f"There is no {kind} '{name}' in this workspace.{did_you_mean(name, self._database.column(names, (kind,)))}"
        )

    def model_in(self, folder: str) -> Entry | None:
        """Return the model whose files are in a folder, or None.

        Args:
            folder: name of the folder.
        """
        sql = f"SELECT {_COLUMNS} FROM catalog WHERE kind = 'model' AND deleted = 0"
        row = self._database.one(f"{sql} AND json_extract(record, '$.folder') = ? LIMIT 1", (folder,))
        return None if row is None else _entry(row)

    def list(self, kind: str, name: str | None = None, latest: bool = False) -> list[Entry]:
        """Return the entries of a kind, newest first.

        Args:
            kind: one of :data:`KINDS`.
            name: only this name.
            latest: only the newest version of each name.
        """
        sql = f"SELECT {_COLUMNS} FROM catalog AS entries WHERE kind = ? AND name = coalesce(?, name) AND deleted = 0"
        if latest:
            sql += (
                " AND version = (SELECT max(version) FROM catalog AS others WHERE others.kind = entries.kind"
                " AND others.name = entries.name AND others.deleted = 0)"
            )
        rows = self._database.all(f"{sql} ORDER BY created DESC, name, version DESC", (kind, name))
        return [_entry(row) for row in rows]

    def change(self, kind: str, name: str, version: int, changes: Mapping[str, Any]) -> Entry:
        """Replace the record, the tags or the properties of a version.

        Args:
            kind: one of :data:`KINDS`.
            name: its name.
            version: its version.
            changes: the new ``"record"``, ``"tags"`` and ``"properties"``, all optional.

        Raises:
            NotFoundException: no such version.
        """
        with self._database.transaction(durable=True) as write:
            for column in _JSON:
                if changes.get(column) is None:
                    continue
                value = changes[column] if column == "record" else labels.checked(changes[column])
                write.execute(
                    f"UPDATE catalog SET {column} = ? WHERE kind = ? AND name = ? AND version = ?",
                    (strict_json(value), kind, name, version),
                )
        return self.get(kind, name, version)

    def delete(self, kind: str, name: str, version: int) -> None:
        """Delete a version; its number is not used again.

        Raises:
            NotFoundException: no such version.
        """
        self.get(kind, name, version)
        sql = "UPDATE catalog SET deleted = 1 WHERE kind = ? AND name = ? AND version = ?"
        self._database.execute(sql, (kind, name, version), durable=True)


def check_name(kind: str, name: str) -> None:
    """Refuse what cannot be the name of a versioned object.

    Args:
        kind: one of :data:`KINDS`.
        name: the name.

    Raises:
        UserErrorException: it cannot.
    """
    if kind not in KINDS:
        raise UserErrorException(f"There is no catalog '{kind}'. Available: {', '.join(KINDS)}.")
    if not name.strip() or len(name) > _NAME_LIMIT or not name.isprintable() or "/" in name or name[0] == ".":
        raise UserErrorException(
            f"Invalid {kind} name {name!r}. Use 1 to {_NAME_LIMIT} printable characters, without '/' and not "
            f"starting with '.'."
        )


def _entry(row: Any) -> Entry:
    entry = dict(row)
    for column in _JSON:
        entry[column] = json.loads(entry[column])
    return entry
