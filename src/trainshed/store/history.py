"""Runs and experiments: what was asked for, the state it is in, and how it got there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from trainshed.errors import NotFoundException, UserErrorException, did_you_mean
from trainshed.spec import states
from trainshed.spec.codec import to_json
from trainshed.spec.run import RunSpec
from trainshed.store.database import Database, Row

KEY_LIMIT = 250
VALUE_LIMIT = 6000
_COLUMNS = (
    "seq, id, experiment, number, kind, target, parent, display_name, status, reason, priority, "
    "cancel_requested, created, started, ended, details, tags, properties"
)
_INSERT = """
INSERT INTO runs (id, submit_id, experiment, number, kind, target, parent, display_name, status, priority, created,
                  tags, properties, spec)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class History:
    """The table of runs and the log of their states.

    Args:
        database: where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_run(self, run_id: str, submit_id: str, spec: RunSpec, now: float) -> dict[str, Any]:
        """Add a run to the queue; it survives a loss of power when this returns.

        Args:
            run_id: id for a new run.
            submit_id: the client's name for this submit; one that is known gives the run it made.
            spec: what to run.
            now: time of submission.

        Returns:
            The run's record.
        """
        tags, properties = _labels(spec.tags), _labels(spec.properties)
        with self._database.transaction(durable=True) as write:
            known = write.execute("SELECT id FROM runs WHERE submit_id = ?", (submit_id,)).fetchone()
            if known:
                return self._get(write.execute(f"SELECT {_COLUMNS}, spec FROM runs WHERE id = ?", (known["id"],)))
            number = _next_number(write, spec.experiment, now)
            row = (run_id, submit_id, spec.experiment, number, spec.kind, spec.target, spec.parent)
            made = (spec.display_name, states.QUEUED, spec.priority, now, _json(tags), _json(properties))
            write.execute(_INSERT, (*row, *made, _json(to_json(spec))))
            for status in (states.NOT_STARTED, states.QUEUED):
                _note(write, run_id, status, None, now)
            return self._get(write.execute(f"SELECT {_COLUMNS}, spec FROM runs WHERE id = ?", (run_id,)))

    @staticmethod
    def _get(cursor: sqlite3.Cursor) -> dict[str, Any]:
        return _record(cursor.fetchone())

    def move(
        self, run_id: str, status: str, *, now: float, reason: str | None = None, details: dict[str, Any] | None = None
    ) -> bool:
        """Move a run to another state, if it may go there from the one it is in: compare-and-set.

        Args:
            run_id: the run.
            status: the state to go to.
            now: time of the move.
            reason: cause of a terminal state.
            details: merged into the run's details.

        Returns:
            False when the run was in a state from which there is no such move; nothing has changed then.
        """
        final = status in states.TERMINAL
        origins = sorted(states.sources_of(status))
        marks = ", ".join("?" * len(origins))
        with self._database.transaction(durable=final) as write:
            changed = write.execute(
                "UPDATE runs SET status = ?, terminal = ?, reason = ?, details = json_patch(details, ?), "
                "started = CASE WHEN ? AND started IS NULL THEN ? ELSE started END, "
                f"ended = CASE WHEN ? THEN ? ELSE ended END WHERE id = ? AND status IN ({marks})",
                (
                    *(status, final, reason, _json(details or {})),
                    *(status == states.RUNNING, now, final, now, run_id),
                    *origins,
                ),
            )
            if changed.rowcount:
                _note(write, run_id, status, reason, now)
        return bool(changed.rowcount)

    def request_cancel(self, run_id: str, now: float) -> str:
        """Keep the wish to end a run; one that has not begun ends here.

        Args:
            run_id: the run.
            now: time of the wish.

        Returns:
            The run's state after it.
        """
        self.get(run_id)
        with self._database.transaction(durable=True) as write:
            write.execute("UPDATE runs SET cancel_requested = 1 WHERE id = ? AND terminal = 0", (run_id,))
        for origin in (states.NOT_STARTED, states.QUEUED):
            self._end_waiting(run_id, origin, now)
        self.move(run_id, states.CANCEL_REQUESTED, now=now)
        return str(self.get(run_id)["status"])

    def _end_waiting(self, run_id: str, origin: str, now: float) -> None:
        with self._database.transaction(durable=True) as write:
            changed = write.execute(
                "UPDATE runs SET status = ?, terminal = 1, reason = 'canceled_by_user', ended = ? "
                "WHERE id = ? AND status = ?",
                (states.CANCELED, now, run_id, origin),
            )
            if changed.rowcount:
                _note(write, run_id, states.CANCELED, "canceled_by_user", now)

    def get(self, run_id: str) -> dict[str, Any]:
        """Return a run's record, with what was asked for in ``"spec"``.

        Args:
            run_id: its id.

        Raises:
            NotFoundException: no such run; the sentence names the nearest.
        """
        row = self._database.one(f"SELECT {_COLUMNS}, spec FROM runs WHERE id = ?", (run_id,))
        if row is None:
            latest = [r["id"] for r in self._database.all("SELECT id FROM runs ORDER BY seq DESC LIMIT 200")]
            raise NotFoundException(
                f"There is no run '{run_id}' in this workspace.{did_you_mean(run_id, latest)} "
                "'trainshed runs' lists them."
            )
        return _record(row)

    def list_runs(
        self,
        *,
        experiment: str | None = None,
        status: str | None = None,
        tags: dict[str, str | None] | None = None,
        target: str | None = None,
        parent: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[dict[str, Any]]:
        """Return runs, newest first.

        Args:
            experiment: of this experiment only.
            status: in this state only.
            tags: with these tags only; a value of None asks for the key alone.
            target: on this target only.
            parent: children of this run only.
            limit: at most so many.
            before: only those with a smaller ``seq``: the next page.
        """
        given = {"experiment": experiment, "status": status, "target": target, "parent": parent}
        clauses = [f"{column} = ?" for column, value in given.items() if value is not None]
        args: list[Any] = [value for value in given.values() if value is not None]
        if before is not None:
            clauses.append("seq < ?")
            args.append(before)
        for key, value in (tags or {}).items():
            equal = "" if value is None else " AND value = ?"
            clauses.append(f"EXISTS (SELECT 1 FROM json_each(runs.tags) WHERE key = ?{equal})")
            args += [key] if value is None else [key, value]
        where = " AND ".join(clauses) or "1"
        sql = f"SELECT {_COLUMNS} FROM runs WHERE {where} ORDER BY seq DESC LIMIT ?"
        return [_record(row) for row in self._database.all(sql, [*args, max(limit, 0)])]

    def active(self) -> list[dict[str, Any]]:
        """Return every run that has not ended, oldest first."""
        rows = self._database.all(f"SELECT {_COLUMNS} FROM runs WHERE terminal = 0 ORDER BY seq")
        return [_record(row) for row in rows]

    def queued(self, target: str, limit: int) -> list[dict[str, Any]]:
        """Return the runs that wait for a target, first to start first.

        Args:
            target: its name.
            limit: at most so many.
        """
        sql = (
            f"SELECT {_COLUMNS}, spec FROM runs WHERE status = 'Queued' AND target = ? "
            "ORDER BY priority DESC, seq LIMIT ?"
        )
        return [_record(row) for row in self._database.all(sql, (target, limit))]

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """Return every state a run has been in, in order: ``{"time", "status", "reason"}``."""
        sql = "SELECT time, status, reason FROM run_events WHERE run = ? ORDER BY seq"
        return [dict(row) for row in self._database.all(sql, (run_id,))]

    def set_tags(self, run_id: str, tags: dict[str, Any]) -> None:
        """Add tags to a run or change them.

        Raises:
            UserErrorException: too long a key or value.
        """
        self._change_labels(run_id, "tags", lambda old: {**old, **_labels(tags)})

    def remove_tags(self, run_id: str, keys: list[str]) -> None:
        """Remove tags from a run; those it does not have are passed over."""
        self._change_labels(run_id, "tags", lambda old: {k: v for k, v in old.items() if k not in keys})

    def add_properties(self, run_id: str, properties: dict[str, Any]) -> None:
        """Add properties to a run.

        Raises:
            UserErrorException: a property is there already with another value; they cannot be changed.
        """
        new = _labels(properties)

        def merged(old: dict[str, Any]) -> dict[str, Any]:
            for key, value in new.items():
                if old.get(key, value) != value:
                    raise UserErrorException(f"Property '{key}' is '{old[key]}' and cannot be changed; use a tag.")
            return {**old, **new}

        self._change_labels(run_id, "properties", merged)

    def _change_labels(self, run_id: str, column: str, change: Any) -> None:
        self.get(run_id)
        with self._database.transaction() as write:
            change_labels(write, run_id, column, change)

    def experiments(self) -> list[dict[str, Any]]:
        """Return all experiments, ``{"name", "created", "runs"}``, by name."""
        return [dict(row) for row in self._database.all("SELECT name, created, runs FROM experiments ORDER BY name")]


def change_labels(write: sqlite3.Connection, run_id: str, column: str, change: Any) -> None:
    """Apply ``change`` to the tags or properties of a run inside a transaction.

    Args:
        write: the transaction's connection.
        run_id: the run.
        column: ``"tags"`` or ``"properties"``.
        change: function from the old dict to the new.
    """
    row = write.execute(f"SELECT {column} FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is not None:
        new = _json(change(json.loads(row[0])))
        write.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (new, run_id))


def _next_number(write: sqlite3.Connection, experiment: str, now: float) -> int:
    write.execute("INSERT INTO experiments (name, created) VALUES (?, ?) ON CONFLICT DO NOTHING", (experiment, now))
    write.execute("UPDATE experiments SET runs = runs + 1 WHERE name = ?", (experiment,))
    return int(write.execute("SELECT runs FROM experiments WHERE name = ?", (experiment,)).fetchone()[0])


def _note(write: sqlite3.Connection, run_id: str, status: str, reason: str | None, now: float) -> None:
    write.execute(
        "INSERT INTO run_events (run, time, status, terminal, reason) VALUES (?, ?, ?, ?, ?)",
        (run_id, now, status, status in states.TERMINAL, reason),
    )


def _record(row: Row) -> dict[str, Any]:
    record = dict(row)
    for column in ("details", "tags", "properties", "spec"):
        if column in record:
            record[column] = json.loads(record[column])
    record["cancel_requested"] = bool(record["cancel_requested"])
    return record


def _labels(labels: Mapping[str, Any]) -> dict[str, str | None]:
    """Return labels as text, if none is too long."""
    for key, value in labels.items():
        if not isinstance(key, str) or not key or len(key) > KEY_LIMIT:
            raise UserErrorException(f"Tag or property name {str(key)[:40]!r}: 1 to {KEY_LIMIT} characters.")
        if len(str(value)) > VALUE_LIMIT:
            raise UserErrorException(f"The value of '{key}' is longer than {VALUE_LIMIT} characters.")
    return {key: None if value is None else str(value) for key, value in labels.items()}


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False)
