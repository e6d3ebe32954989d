"""What MLflow's clients see of the history, and what they keep in it that has no table of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from trainshed.runtime.mlflow_words import PARAM
from trainshed.store.database import Database
from trainshed.store.values import lenient_json, strict_json

EXPERIMENT, RUN, MODEL, LOGGED_MODEL = "mlflow_experiment", "mlflow_run", "mlflow_model", "mlflow_logged_model"
"""Kinds of notes: of an experiment and a run by their ids, of a registered and a logged model by name and id."""
Note = dict[str, Any]
Made = TypeVar("Made", Note, "Note | None")
_RUNS = f"""
SELECT runs.id, runs.experiment, runs.kind, runs.status, display_name, description, created, started, ended, tags,
       properties, {{archived}}, parent,
       CASE WHEN kind = '' THEN NULL ELSE (SELECT json_extract(spec, '$.arguments') FROM specs WHERE run = runs.id) END,
       (SELECT record FROM records WHERE records.kind = '{RUN}' AND records.name = runs.id),
       (SELECT sum(bytes) FROM collected WHERE run = runs.id)
"""
_ORDER = "ORDER BY round(coalesce(started, created) * 1000) DESC, runs.id"
_ARCHIVED = "json_extract(details, '$.archived')"
_SERIES = (
    "SELECT run, name, step, time, value FROM series WHERE kind = 'scalar' AND run IN (SELECT value FROM json_each(?)) "
    "AND typeof(value) IN ('real', 'integer', 'null')"
)


class RunRow(NamedTuple):
    """What MLflow is told of a run; times are in seconds, JSON columns are texts.

    ``collected`` is how far its journals have been stored: one more point of a metric makes it more.
    """

    id: str
    experiment: str
    kind: str
    status: str
    display_name: str | None
    description: str | None
    created: float
    started: float | None
    ended: float | None
    tags: str
    properties: str
    archived: float | None
    parent: str | None
    arguments: str | None
    note: str | None
    collected: int | None


class Mlflow:
    """The history, as MLflow's clients see it.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, kind: str, name: str) -> Note | None:
        """Return a note, or None."""
        row = self._database.one("SELECT record FROM records WHERE kind = ? AND name = ?", (kind, name))
        return None if row is None else lenient_json(row[0])

    def notes(self, kind: str) -> dict[str, Note]:
        """Return all notes of a kind, by name."""
        rows = self._database.tuples("SELECT name, record FROM records WHERE kind = ? ORDER BY name", (kind,))
        return {name: lenient_json(record) for name, record in rows}

    def change(self, kind: str, name: str, change: Callable[[Note | None], Made]) -> Made:
        """Write a note anew; nobody else changes or deletes it meanwhile.

        Args:
            kind: its kind.
            name: its name.
            change: returns what it is to be, from what it is; None to leave it so.

        Returns:
            What ``change`` has returned.
        """
        with self._database.transaction() as write:
            row = write.execute("SELECT record FROM records WHERE kind = ? AND name = ?", (kind, name)).fetchone()
            made = change(None if row is None else lenient_json(row[0]))
            if made is not None:
                write.execute(
                    "INSERT INTO records (kind, name, record) VALUES (?, ?, ?) "
                    "ON CONFLICT (kind, name) DO UPDATE SET record = excluded.record",
                    (kind, name, strict_json(made)),
                )
        return made

    def amend(self, kind: str, name: str, change: Callable[[Note], Note]) -> Note | None:
        """As :meth:`change`, for a note that is there; return None if there is none."""
        return self.change(kind, name, lambda kept: None if kept is None else change(kept))

    def forget(self, kind: str, name: str) -> bool:
        """Delete a note; return whether there was one."""
        return bool(self._database.execute("DELETE FROM records WHERE kind = ? AND name = ?", (kind, name)))

    def rename_model(self, name: str, new: str) -> None:
        """Give a registered model, with all its versions, another name, which is free."""
        with self._database.transaction(durable=True) as write:
            write.execute("UPDATE records SET name = ? WHERE kind = ? AND name = ?", (new, MODEL, name))
            write.execute("DELETE FROM catalog WHERE kind = 'model' AND name = ? AND deleted = 1", (new,))
            write.execute("UPDATE catalog SET name = ? WHERE kind = 'model' AND name = ?", (new, name))

    def experiments(self) -> list[dict[str, Any]]:
        """Return all experiments: ``{"name", "id", "created", "archived", "tags"}``."""
        rows = self._database.tuples("SELECT name, id, created, archived, tags FROM experiments")
        names = ("name", "id", "created", "archived", "tags")
        return [{**dict(zip(names, row, strict=True)), "tags": json.loads(row[4])} for row in rows]

    def add_experiment(self, name: str, now: float, experiment_id: str | None = None) -> None:
        """Add an experiment, unless there is one of this name.

        Args:
            name: a valid name.
            now: time of creation.
            experiment_id: its id; None for a new one.
        """
        sql = "INSERT INTO experiments (name, created, id) VALUES (?, ?, coalesce(?, lower(hex(randomblob(16)))))"
        self._database.execute(f"{sql} ON CONFLICT (name) DO NOTHING", (name, now, experiment_id), durable=True)

    def run(self, run_id: str) -> RunRow | None:
        """Return a run, or None."""
        found = self._database.tuples(f"{_RUNS.format(archived=_ARCHIVED)} FROM runs WHERE runs.id = ?", (run_id,))
        return RunRow(*found[0]) if found else None

    def lifecycle(self, run_id: str) -> float | bool | None:
        """Return when a run was archived, None if it was not, and False if there is none."""
        row = self._database.one(f"SELECT {_ARCHIVED} FROM runs WHERE id = ?", (run_id,))
        return False if row is None else row[0]

    def runs(
        self, experiments: Sequence[str], archived: bool | None, window: tuple[int, int] | None = None
    ) -> list[RunRow]:
        """Return runs, those that began last first.

        Args:
            experiments: names of their experiments.
            archived: only those that are archived, or those that are not; None for both.
            window: the place of the first, and how many; None for all.
        """
        clauses = ["runs.experiment IN (SELECT value FROM json_each(?))"]
        if archived is not None:
            clauses.append(f"{_ARCHIVED} IS {'NOT ' if archived else ''}NULL")
        first, size = window or (0, -1)
        about = _RUNS.format(archived="NULL" if archived is False else _ARCHIVED)
        # The order is found first, without whole rows, whose copying takes longer; SQLite never reorders a CROSS JOIN.
        chosen = f"SELECT seq AS place FROM runs WHERE {' AND '.join(clauses)} {_ORDER} LIMIT ? OFFSET ?"
        sql = f"{about} FROM ({chosen}) CROSS JOIN runs ON runs.seq = place"
        return list(map(RunRow._make, self._database.tuples(sql, (json.dumps(list(experiments)), size, first))))

    def newest(self, run_ids: Sequence[str]) -> dict[str, list[tuple[str, int | None, float, float]]]:
        """Return the newest point of each metric, ``(name, step, time, value)``, by run.

        Args:
            run_ids: the runs.
        """
        found: dict[str, list[tuple[str, int | None, float, float]]] = {}
        nan = float("nan")
        for run, name, step, time, value in self._database.tuples(_SERIES, (json.dumps(list(run_ids)),)):
            found.setdefault(run, []).append((name, step, time, nan if value is None else value))
        return found


def params_of(properties: dict[str, Any]) -> dict[str, str]:
    """Return the parameters that a run has logged through MLflow, from its properties."""
    return {name[len(PARAM) :]: str(value) for name, value in properties.items() if name.startswith(PARAM)}
