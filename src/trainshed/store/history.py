"""Runs: what was requested, their current state, and how they got there."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from trainshed.errors import InternalException, NotFoundException, SnapshotException, UserErrorException, did_you_mean
from trainshed.spec import states
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.store import labels
from trainshed.store.database import Database
from trainshed.store.run_rows import (
    COLUMNS,
    INSERT,
    LISTED,
    WHOLE,
    Move,
    as_json,
    merged,
    next_number,
    note_event,
    record_of,
    set_column,
    shift,
)

DESCENDANTS = """
WITH RECURSIVE below (id) AS (
    SELECT id FROM runs WHERE parent = ? UNION SELECT runs.id FROM runs JOIN below ON runs.parent = below.id
) SELECT id FROM below
"""
"""The children of a run, their children, and so on."""
_FILTERS = frozenset({"experiment", "status", "target", "parent", "kind"})
_NEAR = 200
_SUBMIT_ID_LIMIT = 200
_TAKES_GPUS = (
    "coalesce(json_extract(spec, '$.use_gpu'), 0) "
    "OR (json_extract(spec, '$.launcher') <> 'single' AND json_extract(spec, '$.container') IS NULL)"
)


class History:
    """The table of runs and the log of their states.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_run(
        self,
        run_id: str,
        submit_id: str,
        spec: RunSpec,
        now: float,
        queued: bool = True,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> dict[str, Any]:
        """Add a run; it survives a power failure once this returns.

        Args:
            run_id: id for a new run.
            submit_id: the client's id for this submit; a known one returns the run it created.
            spec: what to run.
            now: time of submission.
            queued: put it into the queue of its target.
            also: what else to write in the same transaction if the run is new.

        Returns:
            The run's record.

        Raises:
            UserErrorException: no submit id, an id that is taken, or labels that are too long.
            NotFoundException: there is no such parent.
            ServiceException: the disk is full.
        """
        self._database.refuse_if_full()
        if not 0 < len(submit_id) <= _SUBMIT_ID_LIMIT:
            raise UserErrorException(
                f"submit_id has {len(submit_id)} characters; it must have 1 to {_SUBMIT_ID_LIMIT}."
            )
        tags, properties = labels.checked(spec.tags), labels.checked(spec.properties)
        with self._database.transaction(durable=True) as write:
            known = write.execute("SELECT id FROM runs WHERE submit_id = ?", (submit_id,)).fetchone()
            if known is None:
                self._check_place(write, run_id, spec.parent)
                number = next_number(write, spec.experiment, now)
                row = (run_id, submit_id, spec.experiment, number, spec.kind, spec.target, spec.parent)
                status = states.QUEUED if queued else states.NOT_STARTED
                made = (spec.display_name, status, spec.priority, now, as_json(tags), as_json(properties))
                write.execute(INSERT, (*row, *made))
                write.execute("INSERT INTO specs (run, spec) VALUES (?, ?)", (run_id, as_json(to_json(spec))))
                if also is not None:
                    also(write)
                for passed in (states.NOT_STARTED, states.QUEUED)[: 1 + queued]:
                    note_event(write, run_id, passed, None, now)
            else:
                # A service that was killed may have stored it without having flushed it: a commit flushes both.
                write.execute("UPDATE runs SET submit_id = submit_id WHERE submit_id = ?", (submit_id,))
            return record_of(write.execute(f"{WHOLE} WHERE submit_id = ?", (submit_id,)).fetchone())

    def _check_place(self, write: sqlite3.Connection, run_id: str, parent: str | None) -> None:
        if write.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone():
            raise UserErrorException(f"There is already a run '{run_id}'. Choose another id.")
        if parent is not None and not write.execute("SELECT 1 FROM runs WHERE id = ?", (parent,)).fetchone():
            raise self._unknown(parent)

    def move(
        self,
        run_id: str,
        status: str,
        *,
        now: float,
        reason: str | None = None,
        details: dict[str, Any] | None = None,
        expected: frozenset[str] | None = None,
    ) -> bool:
        """Move a run to another state if that is legal from its current state (compare-and-set).

        Args:
            run_id: the run.
            status: the new state.
            now: time of the change.
            reason: cause of a terminal state.
            details: merged into the run's details: warnings are appended, other values are replaced.
            expected: move only from one of these states.

        Returns:
            False if the change is not legal from the run's current state; nothing has changed then.

        Raises:
            InternalException: there is no such state.
        """
        if status not in states.ALL:
            raise InternalException(f"'{status}' is not a state of a run.")
        with self._database.transaction(durable=status in states.TERMINAL) as write:
            return shift(write, run_id, Move(status, now, reason, details, expected))

    def accept(
        self,
        run_id: str,
        native_id: str,
        allocation: dict[str, Any],
        state: str = states.PREPARING,
        *,
        now: float,
        durable: bool,
    ) -> bool:
        """Store an engine's id of a run, and move the run to its next state unless it is there.

        Args:
            run_id: the run.
            native_id: the engine's id.
            allocation: the GPUs allocated to it.
            state: the next state: Preparing, or Provisioning if the engine has a queue of its own.
            now: time of the change.
            durable: survive a power failure, because the engine is on another machine, which would not be affected.

        Returns:
            False if the run is to be cancelled or has ended: it must not start.
        """
        with self._database.transaction(durable) as write:
            row = write.execute("SELECT status, cancel_requested FROM runs WHERE id = ?", (run_id,)).fetchone()
            moved = row["status"] == state or shift(write, run_id, Move(state, now))
            if row["cancel_requested"] or not moved:
                return False
            sql = "UPDATE runs SET native_id = ?, allocation = ? WHERE id = ?"
            write.execute(sql, (native_id, as_json(allocation), run_id))
        return True

    def has_room(self) -> bool:
        """Tell whether the disk of the history has room for new runs."""
        return self._database.has_room()

    def root_of(self, record: Mapping[str, Any]) -> str:
        """Return the topmost of a run's parents, or the run itself."""
        while record["parent"]:
            record = self.get(record["parent"])
        return str(record["id"])

    def note(self, run_id: str, details: dict[str, Any]) -> None:
        """Merge facts into a run's details, unless they are already there."""
        if any(self.get(run_id)["details"].get(name) != value for name, value in details.items()):
            self._change(run_id, lambda write: set_column(write, run_id, "details", merged(write, run_id, details)))

    def request_cancel(self, run_id: str, now: float, cause: Mapping[str, Any] | None = None) -> str:
        """Record the request to cancel a run; a run that has not started ends here.

        Args:
            run_id: the run.
            now: time of the request.
            cause: if it is not a cancellation by the user: ``FAIL_REQUEST`` or ``POLICY_REQUEST`` with a message, and
                warnings. It becomes part of the run's details.

        Returns:
            The run's state afterwards.

        Raises:
            NotFoundException: no such run.
        """
        with self._database.transaction(durable=True) as write:
            row = write.execute("SELECT status, terminal FROM runs WHERE id = ?", (run_id,)).fetchone()
            if row is None:
                raise self._unknown(run_id)
            status = str(row["status"])
            if row["terminal"]:
                return status
            write.execute("UPDATE runs SET cancel_requested = 1 WHERE id = ?", (run_id,))
            if cause:
                set_column(write, run_id, "details", merged(write, run_id, dict(cause)))
            if status in (states.NOT_STARTED, states.QUEUED):
                goal = Move(states.CANCELED, now, "canceled_by_user")
            else:
                goal = Move(states.CANCEL_REQUESTED, now)
            return goal.status if shift(write, run_id, goal) else status

    def get(self, run_id: str) -> dict[str, Any]:
        """Return a run's record, with the request in ``"spec"``.

        Args:
            run_id: its id.

        Raises:
            NotFoundException: no such run; the message suggests the most similar id.
        """
        row = self._database.one(f"{WHOLE} WHERE runs.id = ?", (run_id,))
        if row is None:
            raise self._unknown(run_id)
        return record_of(row)

    def has(self, run_id: str) -> bool:
        """Tell whether there is a run with this id."""
        return self._database.one("SELECT 1 FROM runs WHERE id = ?", (run_id,)) is not None

    def _unknown(self, run_id: str) -> NotFoundException:
        newest = "SELECT id FROM runs WHERE experiment = ? ORDER BY seq DESC LIMIT 1"
        named = self._database.one(newest, (run_id,))
        if named is not None:
            return NotFoundException(f"'{run_id}' is an experiment, not a run. Its newest run is '{named['id']}'.")
        near = self._database.column("SELECT id FROM runs ORDER BY seq DESC LIMIT ?", (_NEAR,))
        return NotFoundException(
            f"There is no run '{run_id}' in this workspace.{did_you_mean(run_id, near)} 'trainshed runs' lists them."
        )

    def list_runs(
        self,
        *,
        tags: Mapping[str, str | None] | None = None,
        ancestor: str | None = None,
        top: bool = False,
        limit: int = 100,
        before: int | None = None,
        **columns: str | None,
    ) -> list[dict[str, Any]]:
        """Return runs, newest first.

        Args:
            tags: only those with these tags; a value of None matches any value.
            ancestor: only descendants of this run.
            top: only those without a parent.
            limit: the maximum number of runs.
            before: only those with a smaller ``seq``: the next page.
            **columns: only those with these values: ``experiment``, ``status``, ``target`` (or a part of that),
                ``parent``, ``kind``.

        Raises:
            InternalException: there is no such column.
        """
        if not columns.keys() <= _FILTERS:
            raise InternalException(f"Runs cannot be filtered by {', '.join(sorted(columns.keys() - _FILTERS))}.")
        clauses = [f"{column} = ?" for column, value in columns.items() if value is not None and column != "target"]
        args: list[Any] = [value for column, value in columns.items() if value is not None and column != "target"]
        if columns.get("target") is not None:
            clauses.append("(target = ? OR substr(target, 1, ?) = ?)")
            part = f"{columns['target']}:"
            args += [columns["target"], len(part), part]
        if ancestor is not None:
            clauses.append(f"id IN ({DESCENDANTS})")
            args.append(ancestor)
        if top:
            clauses.append("parent IS NULL")
        if before is not None:
            clauses.append("seq < ?")
            args.append(before)
        for key, wanted in (tags or {}).items():
            test = "key = ?" if wanted is None else "key = ? AND value = ?"
            clauses.append(f"EXISTS (SELECT 1 FROM json_each(runs.tags) WHERE {test})")
            args += [key] if wanted is None else [key, wanted]
        where = " AND ".join(clauses) or "1"
        sql = f"SELECT {LISTED} FROM runs WHERE {where} ORDER BY seq DESC LIMIT ?"
        return [record_of(row) for row in self._database.tuples(sql, [*args, max(limit, 0)])]

    def active(self) -> list[dict[str, Any]]:
        """Return every run that has not ended, oldest first."""
        rows = self._database.tuples(f"SELECT {COLUMNS} FROM runs WHERE terminal = 0 ORDER BY seq")
        return [record_of(row) for row in rows]

    def queued(self, target: str, limit: int, without_gpus: bool = False) -> list[dict[str, Any]]:
        """Return the runs queued for a target, in the order in which they should start, each with its ``"spec"``.

        Args:
            target: its name.
            limit: the maximum number of runs.
            without_gpus: only those that use no GPUs, as defined by :func:`trainshed.service.gpus.wanted`.
        """
        only = f"AND NOT ({_TAKES_GPUS})" if without_gpus else ""
        sql = f"{WHOLE} WHERE status = 'Queued' AND target = ? {only} ORDER BY priority DESC, seq LIMIT ?"
        return [record_of(row) for row in self._database.tuples(sql, (target, limit))]

    def assign(self, run_id: str, target: str) -> bool:
        """Give a queued run to a part of its target; False where it is not queued any more."""
        sql = "UPDATE runs SET target = ? WHERE id = ? AND status = 'Queued'"
        return bool(self._database.execute(sql, (target, run_id), durable=True))

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """Return every state a run has been in, in order: ``{"time", "status", "reason"}``."""
        sql = "SELECT time, status, reason FROM run_events WHERE run = ? ORDER BY seq"
        return [dict(row) for row in self._database.all(sql, (run_id,))]

    def set_display_name(self, run_id: str, name: str | None) -> None:
        """Set the display name of a run; None shows its id again."""
        self._change(run_id, lambda write: set_column(write, run_id, "display_name", name))

    def set_description(self, run_id: str, text: str | None) -> None:
        """Set the description of a run."""
        self._change(run_id, lambda write: set_column(write, run_id, "description", text))

    def set_snapshot(self, run_id: str, snapshot: str, instead_of: str | None = None) -> None:
        """Set the snapshot of a run that has none, or ``instead_of``.

        Raises:
            SnapshotException: it has another one.
        """
        with self._database.transaction() as write:
            row = write.execute("SELECT spec FROM specs WHERE run = ?", (run_id,)).fetchone()
            if row is None:
                raise self._unknown(run_id)
            spec = json.loads(row["spec"])
            if spec["snapshot"] not in (None, instead_of):
                raise SnapshotException(
                    f"Run '{run_id}' already has a snapshot ({spec['snapshot'][:12]}…), and a run can have only one."
                )
            spec["snapshot"] = snapshot
            write.execute("UPDATE specs SET spec = ? WHERE run = ?", (as_json(spec), run_id))

    def add_warnings(self, run_id: str, source: str, messages: list[str]) -> None:
        """Add to the warnings in a run's details, even if it has ended.

        Args:
            run_id: the run.
            source: what they are about, e.g. ``"metrics"``.
            messages: the warnings; duplicates, and more than a hundred, are ignored.
        """
        added = {"warnings": [{"source": source, "message": message} for message in messages]}
        self._change(run_id, lambda write: set_column(write, run_id, "details", merged(write, run_id, added)))

    def set_tags(self, run_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a run.

        Raises:
            UserErrorException: a key or value is too long.
        """
        new = labels.checked(tags)
        self._relabel(run_id, "tags", lambda old: {**old, **new})

    def remove_tags(self, run_id: str, keys: list[str]) -> None:
        """Remove tags from a run; unknown ones are ignored."""
        self._relabel(run_id, "tags", lambda old: {key: value for key, value in old.items() if key not in keys})

    def add_properties(self, run_id: str, properties: Mapping[str, Any]) -> None:
        """Add properties to a run.

        Raises:
            UserErrorException: a property already has another value; properties cannot be changed.
        """
        new = labels.checked(properties)
        self._relabel(run_id, "properties", lambda old: labels.with_properties(old, new))

    def _relabel(self, run_id: str, column: str, change: Callable[[labels.Labels], labels.Labels]) -> None:
        self._change(
            run_id, lambda write: labels.save(write, run_id, column, change(labels.load(write, run_id, column)))
        )

    def _change(self, run_id: str, change: Callable[[sqlite3.Connection], object]) -> None:
        with self._database.transaction() as write:
            if write.execute("SELECT 1 FROM runs WHERE id = ?", (run_id,)).fetchone() is None:
                raise self._unknown(run_id)
            change(write)
