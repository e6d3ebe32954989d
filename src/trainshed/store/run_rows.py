"""Rows of the table of runs: reading them as records, changing their state and columns."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from trainshed.spec import states
from trainshed.store.values import lenient_json, strict_json

NAMES = (
    *("seq", "id", "experiment", "number", "kind", "target", "parent", "display_name", "description", "status"),
    *("reason", "priority", "cancel_requested", "created", "started", "ended", "details", "tags", "properties"),
    *("native_id", "allocation"),
)
LISTED = ", ".join(f"runs.{name}" for name in NAMES[:-2])
"""What a list of runs shows: without what only the run's target needs."""
COLUMNS = ", ".join(f"runs.{name}" for name in NAMES)
WHOLE = f"SELECT {COLUMNS}, spec FROM runs JOIN specs ON specs.run = runs.id"
INSERT = """
INSERT INTO runs (id, submit_id, experiment, number, kind, target, parent, display_name, status, priority, created,
                  tags, properties)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
FAIL_REQUEST = "fail_request"
"""Key in a run's details: the message with which ``run.fail()`` has requested its end."""
POLICY_REQUEST = "policy_request"
"""Key in a run's details: which policy of a sweep has stopped it, and when, as a sentence."""
BY_USER = "failed_by_user"
BY_POLICY = "stopped_by_policy"
_WARNINGS = 100


class Move(NamedTuple):
    """A requested change of state."""

    status: str
    now: float
    reason: str | None = None
    details: dict[str, Any] | None = None
    expected: frozenset[str] | None = None


def shift(write: sqlite3.Connection, run_id: str, move: Move) -> bool:
    """Change a run's state if that is legal; one statement, so that only one of two changes wins."""
    move = _as_requested(write, run_id, move)
    final = move.status in states.TERMINAL
    legal = states.sources_of(move.status)
    origins = sorted(legal if move.expected is None else legal & move.expected)
    changed = write.execute(
        "UPDATE runs SET status = ?, terminal = ?, reason = ?, details = coalesce(?, details), "
        "started = CASE WHEN ? THEN coalesce(started, ?) ELSE started END, "
        "ended = CASE WHEN ? THEN ? ELSE ended END "
        f"WHERE id = ? AND status IN ({', '.join('?' * len(origins))})",
        (
            *(move.status, final, move.reason, merged(write, run_id, move.details) if move.details else None),
            *(move.status == states.RUNNING, move.now, final, move.now, run_id, *origins),
        ),
    )
    if changed.rowcount:
        note_event(write, run_id, move.status, move.reason, move.now)
    return bool(changed.rowcount)


def _as_requested(write: sqlite3.Connection, run_id: str, move: Move) -> Move:
    """Return a cancellation as a failure, or as one by a policy, if that is what was requested with it."""
    if move.status != states.CANCELED:
        return move
    row = write.execute("SELECT details FROM runs WHERE id = ?", (run_id,)).fetchone()
    details = lenient_json(row[0]) if row is not None else {}
    message = details.get(FAIL_REQUEST)
    if message is None:
        return move._replace(reason=BY_POLICY) if POLICY_REQUEST in details else move
    error = {"code": "UserError", "reason": BY_USER, "message": message}
    return move._replace(status=states.FAILED, reason=BY_USER, details={**(move.details or {}), "error": error})


def merged(write: sqlite3.Connection, run_id: str, added: dict[str, Any]) -> str | None:
    """Return a run's details with additions, as JSON."""
    row = write.execute("SELECT details FROM runs WHERE id = ?", (run_id,)).fetchone()
    if row is None:
        return None
    old = lenient_json(row[0])
    warnings = list(old.get("warnings", []))
    for warning in added.get("warnings", []):
        if warning not in warnings:
            warnings.append(warning)
    return strict_json({**old, **added, **({"warnings": warnings[:_WARNINGS]} if warnings else {})})


def set_column(write: sqlite3.Connection, run_id: str, column: str, value: str | None) -> None:
    """Change one column of a run."""
    write.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, run_id))


def next_number(write: sqlite3.Connection, experiment: str, now: float) -> int:
    """Return the number of the next run of an experiment, which is created if necessary."""
    write.execute(
        "INSERT INTO experiments (name, created, runs) VALUES (?, ?, 1) "
        "ON CONFLICT (name) DO UPDATE SET runs = runs + 1",
        (experiment, now),
    )
    return int(write.execute("SELECT runs FROM experiments WHERE name = ?", (experiment,)).fetchone()[0])


def note_event(write: sqlite3.Connection, run_id: str, status: str, reason: str | None, now: float) -> None:
    """Append to the log of a run's states."""
    write.execute(
        "INSERT INTO run_events (run, time, status, terminal, reason) VALUES (?, ?, ?, ?, ?)",
        (run_id, now, status, status in states.TERMINAL, reason),
    )


def record_of(row: Any) -> dict[str, Any]:
    """Return a row of the columns in ``NAMES``, with the spec, or of its first ones, as a record."""
    record: dict[str, Any] = dict(zip(NAMES, row, strict=False))
    for column in ("details", "tags", "properties", "allocation"):
        if column in record:
            text = record[column]
            record[column] = {} if text == "{}" else lenient_json(text)
    record["cancel_requested"] = bool(record["cancel_requested"])
    if len(row) > len(NAMES):
        record["spec"] = lenient_json(row[len(NAMES)])
    return record


def as_json(value: Any) -> str:
    """Return strict JSON."""
    return json.dumps(value, allow_nan=False)
