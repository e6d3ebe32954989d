"""Sweeps and their trials: the whole state of a sweep is here."""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from trainshed.errors import NotFoundException
from trainshed.spec.codec import from_json
from trainshed.spec.record import to_json
from trainshed.spec.sweep import SweepSpec
from trainshed.store.database import Database
from trainshed.store.run_rows import as_json

_TRIALS = (
    "SELECT trials.number, parameters, run, attempt, submitted, judged, stopped_at, trials.ended, runs.status, "
    "runs.reason, runs.cancel_requested, runs.started, runs.ended FROM trials LEFT JOIN runs ON runs.id = trials.run "
    "WHERE sweep = ?"
)
_BEST = (
    "SELECT trials.run, (SELECT {best}(value) FROM points WHERE points.series = series.id AND typeof(value) IN "
    "('real', 'integer')) FROM trials JOIN series ON series.run = trials.run AND series.name = ? WHERE sweep = ?"
)
_ACTIVE = """
SELECT sweeps.run FROM sweeps JOIN runs ON runs.id = sweeps.run
WHERE runs.terminal = 0 OR EXISTS (
    SELECT 1 FROM runs AS children WHERE children.parent = sweeps.run AND children.terminal = 0
)
ORDER BY runs.seq
"""


class TrialRow(NamedTuple):
    """A trial as it is stored, with the state of its run.

    Attributes:
        number: its position in the sweep.
        parameters: its parameters.
        run: id of its run.
        attempt: how often it has been begun.
        submitted: whether its run has been submitted. A submitted run that is gone was deleted.
        judged: the last interval at which the policy has judged it.
        stopped_at: the interval at which the policy has stopped it.
        ended: whether the sweep has noted its end.
        status: of its run; None if there is no such run.
        reason: why its run has ended.
        cancel_requested: whether its run is to be canceled.
        run_started: when its run started.
        run_ended: when its run ended.
    """

    number: int
    parameters: dict[str, Any]
    run: str
    attempt: int
    submitted: bool
    judged: int
    stopped_at: int | None
    ended: bool
    status: str | None
    reason: str | None
    cancel_requested: bool
    run_started: float | None
    run_ended: float | None


class Sweeps:
    """The tables of sweeps and trials.

    Args:
        database: the workspace's database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, write: sqlite3.Connection, run_id: str, sweep: SweepSpec, trial: dict[str, Any]) -> None:
        """Store a sweep, within the transaction that creates its run.

        Args:
            write: the transaction's connection.
            run_id: the sweep's run.
            sweep: how to sweep.
            trial: what each trial runs, as JSON without secrets.
        """
        row = (run_id, as_json(to_json(sweep)), as_json(trial))
        write.execute("INSERT INTO sweeps (run, sweep, trial) VALUES (?, ?, ?)", row)

    def get(self, run_id: str) -> tuple[SweepSpec, dict[str, Any]]:
        """Return how to sweep, and what each trial runs.

        Raises:
            NotFoundException: the run is not a sweep.
        """
        row = self._database.one("SELECT sweep, trial FROM sweeps WHERE run = ?", (run_id,))
        if row is None:
            raise NotFoundException(f"Run '{run_id}' is not a sweep. 'trainshed sweep show' lists the sweeps.")
        return from_json(SweepSpec, json.loads(row["sweep"])), json.loads(row["trial"])

    def active(self) -> list[str]:
        """Return the sweeps that have not ended, or have runs that have not, oldest first."""
        return self._database.column(_ACTIVE)

    def trials(self, run_id: str, only_open: bool = False, first: int = 0) -> list[TrialRow]:
        """Return the trials of a sweep, by number.

        Args:
            run_id: the sweep.
            only_open: leave out those whose end the sweep has noted.
            first: leave out those of smaller numbers.
        """
        open_ones = " AND trials.ended = 0" if only_open else ""
        sql = f"{_TRIALS} AND trials.number >= ?{open_ones} ORDER BY trials.number"
        return [_row(*row) for row in self._database.tuples(sql, (run_id, first))]

    def bests(self, run_id: str, metric: str, maximize: bool) -> dict[str, float]:
        """Return the best value of a metric that the runs of a sweep's trials have logged; none for those without one.

        Args:
            run_id: the sweep.
            metric: name of the metric.
            maximize: whether larger is better.
        """
        sql = _BEST.format(best="max" if maximize else "min")
        found = self._database.tuples(sql, (metric, run_id))
        return {run: float(value) for run, value in found if value is not None}

    def propose(self, run_id: str, number: int, parameters: dict[str, Any], trial_run: str) -> None:
        """Store the parameters of a new trial. Its run, which is durable, makes this durable too.

        Args:
            run_id: the sweep.
            number: position of the trial.
            parameters: its parameters.
            trial_run: id of its run.
        """
        sql = "INSERT INTO trials (sweep, number, parameters, run) VALUES (?, ?, ?, ?)"
        self._database.execute(sql, (run_id, number, as_json(parameters), trial_run))

    def repeat(self, run_id: str, number: int, trial_run: str) -> None:
        """Begin a trial anew, as another run."""
        self._change(run_id, number, "run = ?, attempt = attempt + 1, submitted = 0, judged = 0", trial_run)

    def submitted(self, run_id: str, number: int) -> None:
        """Note that a trial's run has been submitted."""
        self._change(run_id, number, "submitted = 1")

    def judged(self, run_id: str, number: int, interval: int, stopped: bool) -> None:
        """Note that a trial has been judged.

        Args:
            run_id: the sweep.
            number: position of the trial.
            interval: the last interval judged.
            stopped: whether the policy stops it at this interval.
        """
        self._change(run_id, number, "judged = ?, stopped_at = ?", interval, interval if stopped else None)

    def ended(self, run_id: str, number: int) -> None:
        """Note that the sweep has seen the end of a trial."""
        self._change(run_id, number, "ended = 1")

    def _change(self, run_id: str, number: int, change: str, *args: Any) -> None:
        self._database.execute(f"UPDATE trials SET {change} WHERE sweep = ? AND number = ?", (*args, run_id, number))


def _row(number: int, parameters: str, run: str, attempt: int, *rest: Any) -> TrialRow:
    submitted, judged, stopped_at, ended, status, reason, cancel, started, over = rest
    known = (number, json.loads(parameters), run, attempt, bool(submitted), judged, stopped_at, bool(ended))
    return TrialRow(*known, status, reason, bool(cancel), started, over)
