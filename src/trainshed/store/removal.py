"""Which runs can be removed, and all rows that belong to a run."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from trainshed.errors import UserErrorException
from trainshed.store import git_diffs, mlflow
from trainshed.store.database import Database
from trainshed.store.history import DESCENDANTS, History

_OF_A_RUN = (
    "DELETE FROM points WHERE series IN (SELECT id FROM series WHERE run = ?)",
    "DELETE FROM blocks WHERE series IN (SELECT id FROM series WHERE run = ?)",
    *(f"DELETE FROM {table} WHERE run = ?" for table in ("series", "run_events", "collected", "files", "specs")),
    "DELETE FROM trials WHERE sweep = ?",
    f"DELETE FROM records WHERE kind IN ('{git_diffs.KIND}', '{mlflow.RUN}') AND name = ?",
    (
        f"DELETE FROM records WHERE kind = '{mlflow.LOGGED_MODEL}' AND json_valid(record) "
        "AND json_extract(record, '$.source_run_id') = ?"
    ),
    "DELETE FROM sweeps WHERE run = ?",
    "DELETE FROM runs WHERE id = ?",
)
_MODEL_FOLDERS = "SELECT json_extract(record, '$.folder') FROM catalog WHERE kind = 'model' AND deleted = 0"

_IMAGE_SNAPSHOTS = "SELECT json_extract(record, '$.spec.snapshot') FROM catalog WHERE kind = 'image' AND deleted = 0"


class Limits(NamedTuple):
    """Which runs to remove.

    Attributes:
        ended_before: those that ended before this time, in seconds since the epoch; None for any time.
        keep: the number of runs to keep in each experiment, the newest.
    """

    ended_before: float | None = None
    keep: int | None = None


class Removal:
    """Removes runs from the history.

    Args:
        database: the workspace's database.
        history: the table of runs.
    """

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    def delete(self, run_id: str, children: bool) -> list[str]:
        """Delete a run that has ended, with its metrics, completely or not at all.

        Args:
            run_id: the run.
            children: delete its descendants too.

        Returns:
            The ids of all deleted runs.

        Raises:
            NotFoundException: no such run.
            UserErrorException: it, or a child, has not ended; or it has children and ``children`` is false.
        """
        with self._database.transaction(durable=True) as write:
            going = self._going(write, run_id, children)
            # Foreign keys between the deleted runs do not matter once all of them are gone.
            write.execute("PRAGMA defer_foreign_keys = ON")
            for each in going:
                for statement in _OF_A_RUN:
                    write.execute(statement, (each,))
        return list(going)

    def check(self, run_id: str, children: bool) -> dict[str, str]:
        """Return run → target of all runs that would be deleted; parameters and exceptions as for :meth:`delete`."""
        with self._database.transaction() as read:
            return self._going(read, run_id, children)

    def _going(self, connection: sqlite3.Connection, run_id: str, children: bool) -> dict[str, str]:
        self._history.get(run_id)
        below = [row["id"] for row in connection.execute(DESCENDANTS, (run_id,))]
        if below and not children:
            raise UserErrorException(
                f"Run '{run_id}' has {len(below)} child runs, such as '{below[0]}'. "
                f"Remove them too: trainshed rm --children {run_id}"
            )
        going = {}
        for each in (run_id, *below):
            row = connection.execute("SELECT status, terminal, target FROM runs WHERE id = ?", (each,)).fetchone()
            if row is not None and not row["terminal"]:
                raise UserErrorException(
                    f"Run '{each}' is {row['status']} and cannot be removed. Cancel it first: trainshed cancel {each}"
                )
            going[each] = row["target"] if row else ""
        return going

    def candidates(self, limits: Limits) -> list[tuple[str, list[str]]]:
        """Return the runs without a parent that can be removed, oldest first, each with its descendants.

        A run is removed with its descendants, and only if all of them have ended.

        Args:
            limits: which to remove; without any limit, none.
        """
        if limits == Limits():
            return []
        trees: dict[str, list[tuple[str, float | None]]] = {}
        root_of: dict[str, str] = {}
        named: dict[str, list[str]] = {}
        sql = "SELECT id, parent, experiment, ended FROM runs ORDER BY seq"
        # Parents come before their children.
        for run_id, parent, experiment, ended in self._database.tuples(sql):
            root = root_of[run_id] = root_of[parent] if parent else run_id
            trees.setdefault(root, []).append((run_id, ended))
            if not parent:
                named.setdefault(experiment, []).append(run_id)
        spared = {root for roots in named.values() for root in roots[max(len(roots) - (limits.keep or 0), 0) :]}
        return [
            (root, [run_id for run_id, _ in members])
            for root, members in trees.items()
            if root not in spared and all(_over(ended, limits.ended_before) for _, ended in members)
        ]

    def needed_snapshots(self, but: set[str]) -> set[str]:
        """Return the snapshots that images and runs refer to, ignoring the runs in ``but``."""
        rows = self._database.tuples("SELECT run, json_extract(spec, '$.snapshot') FROM specs")
        of_runs = {snapshot for run_id, snapshot in rows if snapshot and run_id not in but}
        return of_runs | {snapshot for (snapshot,) in self._database.tuples(_IMAGE_SNAPSHOTS) if snapshot}

    def known(self, run_ids: list[str]) -> set[str]:
        """Return which of these runs exist."""
        return {run_id for run_id in run_ids if self._database.one("SELECT 1 FROM runs WHERE id = ?", (run_id,))}

    def active(self) -> list[str]:
        """Return the runs that have not ended."""
        return self._database.column("SELECT id FROM runs WHERE terminal = 0")

    def model_folders(self) -> set[str]:
        """Return the names of the folders that contain the files of registered models."""
        return set(self._database.column(_MODEL_FOLDERS))

    def logged_models(self) -> set[str]:
        """Return the ids of the models that MLflow's clients have logged, by which their folders are named."""
        return set(self._database.column("SELECT name FROM records WHERE kind = ?", (mlflow.LOGGED_MODEL,)))


def _over(ended: float | None, before: float | None) -> bool:
    return ended is not None and (before is None or ended < before)
