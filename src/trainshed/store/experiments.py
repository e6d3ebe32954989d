"""Experiments, which group runs, with their tags."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from trainshed.errors import NotFoundException, UserErrorException, did_you_mean
from trainshed.spec.checks import check_experiment_name
from trainshed.store import labels
from trainshed.store.database import Database
from trainshed.store.values import strict_json

# The column `runs` is the number of the newest run, which is not used again if that run is removed.
_COUNT = "(SELECT count(*) FROM runs WHERE runs.experiment = experiments.name) AS runs"
_COLUMNS = f"name, id, created, archived, tags, {_COUNT}"

Record = dict[str, Any]


class Experiments:
    """The table of experiments.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, name: str, now: float) -> Record:
        """Return an experiment, creating it if necessary.

        Args:
            name: its name.
            now: time of creation.

        Raises:
            UserErrorException: an invalid name.
        """
        sql = "INSERT INTO experiments (name, created) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"
        self._database.execute(sql, (check_experiment_name(name), now), durable=True)
        return self.get(name)

    def get(self, name: str) -> Record:
        """Return ``{"name", "id", "created", "archived", "tags", "runs"}``.

        Raises:
            NotFoundException: no such experiment; the message suggests the most similar name.
        """
        row = self._database.one(f"SELECT {_COLUMNS} FROM experiments WHERE name = ?", (name,))
        if row is None:
            known = self._database.column("SELECT name FROM experiments ORDER BY created DESC LIMIT 1000")
            raise NotFoundException(f"There is no experiment '{name}'.{did_you_mean(name, known)}")
        return _record(row)

    def list(self) -> list[Record]:
        """Return all experiments, by name."""
        return [_record(row) for row in self._database.all(f"SELECT {_COLUMNS} FROM experiments ORDER BY name")]

    def set_tags(self, name: str, tags: Mapping[str, Any], remove: Sequence[str]) -> Record:
        """Set tags and remove others.

        Args:
            name: the experiment.
            tags: tags to set.
            remove: names of tags to remove.

        Raises:
            NotFoundException: no such experiment.
            UserErrorException: a key or value is too long.
        """
        new = labels.checked(tags)
        with self._database.transaction() as write:
            row = write.execute("SELECT tags FROM experiments WHERE name = ?", (name,)).fetchone()
            if row is not None:
                labelled = {**json.loads(row[0]), **new}
                kept = {key: value for key, value in labelled.items() if key not in remove}
                write.execute("UPDATE experiments SET tags = ? WHERE name = ?", (strict_json(kept), name))
        return self.get(name)

    def archive(self, name: str, when: float | None) -> Record:
        """Archive an experiment, or reactivate it.

        Args:
            name: the experiment.
            when: time of archiving; None reactivates it.

        Raises:
            NotFoundException: no such experiment.
        """
        self._database.execute("UPDATE experiments SET archived = ? WHERE name = ?", (when, name), durable=True)
        return self.get(name)

    def rename(self, name: str, new: str) -> Record:
        """Rename an experiment.

        Args:
            name: the experiment.
            new: its new name.

        Raises:
            NotFoundException: no such experiment.
            UserErrorException: the new name is invalid or taken.
        """
        self.get(name)
        with self._database.transaction(durable=True) as write:
            if write.execute("SELECT 1 FROM experiments WHERE name = ?", (check_experiment_name(new),)).fetchone():
                raise UserErrorException(f"There is already an experiment '{new}'. Choose another name.")
            write.execute("PRAGMA defer_foreign_keys = ON")
            write.execute("UPDATE experiments SET name = ? WHERE name = ?", (new, name))
            write.execute("UPDATE runs SET experiment = ? WHERE experiment = ?", (new, name))
        return self.get(new)

    def delete(self, experiment_id: str) -> None:
        """Delete an experiment without runs.

        Args:
            experiment_id: its id, or its name.

        Raises:
            NotFoundException: no such experiment.
            UserErrorException: it has runs.
        """
        row = self._database.one("SELECT name FROM experiments WHERE id = ?", (experiment_id,))
        record = self.get(row["name"] if row else experiment_id)
        with self._database.transaction(durable=True) as write:
            runs = write.execute("SELECT count(*) FROM runs WHERE experiment = ?", (record["name"],)).fetchone()[0]
            if runs:
                raise UserErrorException(
                    f"Experiment '{record['name']}' has {runs} runs; only an empty experiment can be deleted. "
                    "To hide it, use archive()."
                )
            write.execute("DELETE FROM experiments WHERE name = ?", (record["name"],))


def _record(row: Any) -> Record:
    return {**dict(row), "tags": json.loads(row["tags"])}
