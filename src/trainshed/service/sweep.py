"""One sweep at work. All its state is in the tables of sweeps, trials and runs: a service that is killed goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from trainshed.service.attempts import why
from trainshed.service.supervisor import Supervisor
from trainshed.service.sweep_log import SweepLog
from trainshed.spec import states
from trainshed.spec.checks import check_run_spec
from trainshed.spec.codec import from_json
from trainshed.spec.run import RunSpec
from trainshed.spec.sweep import BANDIT, FROM_OUTSIDE, NO_POLICY, POLICIES
from trainshed.store.history import History
from trainshed.store.metrics import Metrics
from trainshed.store.private import Private
from trainshed.store.run_rows import POLICY_REQUEST
from trainshed.store.sweeps import Sweeps, TrialRow
from trainshed.sweeps import runs
from trainshed.sweeps.advice import not_taken, without_metric
from trainshed.sweeps.field import Field
from trainshed.sweeps.known import Known
from trainshed.sweeps.policies import first_stop
from trainshed.sweeps.samplers import propose
from trainshed.sweeps.space import key_of
from trainshed.sweeps.trial import Trial, best, numbers

REPEATED = FROM_OUTSIDE | {"start_failed"}
"""Reasons for which a trial is repeated; one that cannot be started may be so every time."""
_HOPELESS = 3
"""Trials that all fail by themselves, after which the others would, too; as in SDK v1."""
_LOOK = 2.0
"""Seconds between two looks at what is logged, until there is a value of the primary metric."""


class Parts(NamedTuple):
    """What sweeps need of the service."""

    history: History
    metrics: Metrics
    sweeps: Sweeps
    requests: Private
    supervisor: Supervisor


class Sweep:
    """Drives one sweep by steps. Each step reads the state, and does what is to be done now.

    Args:
        parts: of the service.
        run_id: the sweep's run.
        log: its log.
    """

    def __init__(self, parts: Parts, run_id: str, log: SweepLog) -> None:
        self._parts = parts
        self._id = run_id
        self._log = log
        self._spec, shown = parts.sweeps.get(run_id)
        self._trial = from_json(RunSpec, parts.requests.whole(run_id, shown))
        self._field = Field(self._spec.maximize)
        self._known: list[Trial] = []
        self._keys: set[str] = set()
        self._read: dict[str, list[float]] = {}
        self._ends: dict[int, TrialRow] = {}
        self._told: set[tuple[str, bool]] = set()
        self._unjudged: set[str] = set()
        self._is_metric_missed = False
        self._refused = ""
        self._next_look = 0.0
        self._first_open = 0
        for trial in self._earlier():
            self._learn(trial, is_tried=self._spec.begun > 0)
        for row in parts.sweeps.trials(run_id):
            self._keys.add(key_of(row.parameters))
            if row.ended:
                self._take(row)

    def _earlier(self) -> list[Trial]:
        """Return the trials of the sweeps that this one resumes from, with negative numbers."""
        found: list[Trial] = []
        for sweep_id in self._spec.resume_from:
            for row in self._parts.sweeps.trials(sweep_id):
                trial = Trial(-1 - len(found), row.parameters, self._values(row), ended=True)
                if trial.values or row.status in (states.COMPLETED, states.FAILED):  # else nothing is known of it
                    found.append(trial)
        return found

    def _values(self, row: TrialRow) -> list[float]:
        """Return what counts of a trial's values: up to where the policy stopped it."""
        values = self._read.setdefault(row.run, [])
        values += numbers(self._parts.metrics.points(row.run, self._spec.metric, len(values)))
        return values[: row.stopped_at]

    def step(self) -> bool:
        """Do what is to be done now.

        Returns:
            False once the sweep and all its runs have ended.
        """
        record = self._parts.history.get(self._id)
        rows = self._open()
        stop = self._reason_to_stop(record)
        if stop is not None:
            active = self._stop_all(rows)
            if not active and record["status"] not in states.TERMINAL:
                self._end(stop)
            return bool(active)
        self._submit_again(rows)
        if self._spec.policy.name != NO_POLICY:
            self._judge(rows)
        self._look_for_metric(rows)
        if not self._fill(rows) and not rows:
            self._end({"outcome": "completed", "reason": "exit", "message": ""})
            return False
        return True

    def _open(self) -> list[TrialRow]:
        """Return the trials that have not ended; note the end of those that have."""
        found = []
        for row in self._parts.sweeps.trials(self._id, only_open=True, first=self._first_open):
            if row.status in states.TERMINAL or (row.status is None and row.submitted):
                if self._is_repeated(row):
                    run_id = runs.run_id_of(self._id, row.number, row.attempt + 1)
                    self._parts.sweeps.repeat(self._id, row.number, run_id)
                    self._log.say("SCHEDULER", f"Job '{row.run}' failed ({row.reason}); it is repeated as '{run_id}'")
                    found.append(row._replace(run=run_id, attempt=row.attempt + 1, status=None, submitted=False))
                    continue
                trial = self._take(row)
                self._parts.sweeps.ended(self._id, row.number)
                self._note_end(row, trial)
            else:
                found.append(row)
        self._first_open = found[0].number if found else len(self._ends)
        return found

    def _is_repeated(self, row: TrialRow) -> bool:
        failed = row.status == states.FAILED and row.reason in REPEATED and row.stopped_at is None
        return failed and row.attempt <= self._spec.max_retries

    def _take(self, row: TrialRow) -> Trial:
        trial = Trial(row.number, row.parameters, self._values(row), ended=True)
        self._learn(trial)
        self._ends[row.number] = row
        return trial

    def _learn(self, trial: Trial, is_tried: bool = True) -> None:
        """Have a trial that has ended compared with, and learned from: of its values, samplers need only the best."""
        self._field.add(trial)
        found = best(trial.values, self._spec.maximize)
        self._known.append(trial._replace(values=() if found is None else (found,)))
        if is_tried:
            self._keys.add(key_of(trial.parameters))

    def _note_end(self, row: TrialRow, trial: Trial) -> None:
        found = best(trial.values, self._spec.maximize)
        self._log.say("SCHEDULER", f"Job '{row.run}' ended: {row.status or 'deleted'}, {self._spec.metric}: {found}")
        if row.status == states.COMPLETED and not trial.values:
            self._check_metric(row, ended=True)
        if row.status == states.FAILED and not self._refused:
            error = self._parts.history.get(row.run)["details"].get("error") or {}
            self._refused = not_taken(row.parameters, error)
        policy = self._spec.policy
        if policy.name == BANDIT and policy.slack_factor is not None and found is not None and found < 0:
            self._warn(
                f"'{self._spec.metric}' is negative, so slack_factor, which is a ratio, does not make sense. Use "
                "slack_amount instead."
            )

    def _check_metric(self, row: TrialRow, ended: bool = False) -> None:
        """Warn of a run that does not log the primary metric; of further ones only in the log."""
        counts = {name: point["count"] for name, point in self._parts.metrics.latest(row.run).items()}
        said = without_metric(row.run, self._spec.metric, counts, ended)
        if said and ended and self._is_metric_missed:
            self._log.say("CONTROLLER", said, "WARNING")
        elif said and (row.run, ended) not in self._told:
            self._told.add((row.run, ended))
            self._is_metric_missed = ended
            self._warn(said)

    def _look_for_metric(self, rows: list[TrialRow]) -> None:
        """See from time to time whether what runs logs the primary metric, until one has."""
        now = time.monotonic()
        if now < self._next_look or self._told or any(self._read.values()):
            return
        self._next_look = now + _LOOK
        for row in rows:
            if row.status == states.RUNNING:
                self._parts.supervisor.look(row.run)
                self._check_metric(row)

    def _warn(self, message: str) -> None:
        known = self._parts.history.get(self._id)["details"].get("warnings", ())
        if not any(warning.get("message") == message for warning in known):
            self._parts.history.add_warnings(self._id, "sweep", [message])
            self._log.say("CONTROLLER", message, "WARNING")

    def _reason_to_stop(self, record: dict[str, Any]) -> dict[str, str] | None:
        """Return how the sweep ends before its trials are all done; None if it goes on."""
        if record["cancel_requested"] or record["status"] in states.TERMINAL:
            return {"outcome": "canceled", "reason": "canceled_by_user", "message": ""}
        if time.time() > record["created"] + self._spec.max_duration_minutes * 60:
            return {"outcome": "completed", "reason": "exit", "message": "", "note": "The maximum duration is reached"}
        if self._refused:
            return {"outcome": "failed", "reason": "exit", "message": self._not_taken()}
        first = [self._ends.get(number) for number in range(min(_HOPELESS, self._spec.max_total_runs))]
        failed = [row for row in first if row is not None and row.status == states.FAILED]
        if len(failed) < len(first) or any(row.reason in FROM_OUTSIDE for row in failed):
            return None
        return {"outcome": "failed", "reason": "exit", "message": self._hopeless(failed[0])}

    def _not_taken(self) -> str:
        name = self._refused.lstrip("-")
        return (
            f"The script does not accept {self._refused}, so the sweep was ended: all its runs would fail. Have the "
            f"script accept it, for example with parser.add_argument('{self._refused}'), or change the name of the "
            f"parameter '{name}'."
        )

    def _hopeless(self, row: TrialRow) -> str:
        count = min(_HOPELESS, self._spec.max_total_runs)
        failed = "The only run failed" if count == 1 else f"The first {count} runs failed"
        error = self._parts.history.get(row.run)["details"].get("error") or {}
        return f"{failed}, so the sweep was ended. Run '{row.run}': {error.get('message') or row.reason}"

    def _stop_all(self, rows: list[TrialRow]) -> list[TrialRow]:
        """Cancel all runs; return those that have not ended."""
        active = []
        for row in rows:
            if row.status is None:
                self._parts.sweeps.ended(self._id, row.number)  # it has never begun
                continue
            active.append(row)
            if not row.cancel_requested:
                self._log.say("ENFORCER", f"Canceling job, id='{row.run}'")
                self._parts.supervisor.cancel(row.run)
        return active

    def _submit_again(self, rows: list[TrialRow]) -> None:
        """Submit the trials that a service that was killed has not come to."""
        for index, row in enumerate(rows):
            if row.status is None:
                rows[index] = self._submit(row)

    def _submit(self, row: TrialRow) -> TrialRow:
        """Submit the run of a trial: the same one, however often this is repeated."""
        experiment = self._parts.history.get(self._id)["experiment"]
        trial = self._trial
        if row.number < len(self._spec.resume_trials):
            trial = runs.resuming(trial, self._spec.resume_trials[row.number])
        spec = runs.spec_of(trial, self._id, experiment, row.parameters)
        record = self._parts.supervisor.submit(row.run, row.run, check_run_spec(spec))
        self._log.say("SCHEDULER", f"Scheduling job, id='{row.run}'")
        self._parts.sweeps.submitted(self._id, row.number)
        return row._replace(status=record["status"], submitted=True)

    def _judge(self, rows: list[TrialRow]) -> None:
        """Have the policy judge what trials have logged since the last time."""
        for row in rows:
            if row.status in (states.RUNNING, states.FINALIZING):
                self._parts.supervisor.look(row.run)
        going = {row.number: Trial(row.number, row.parameters, self._values(row)) for row in rows}
        for row in rows:
            if row.stopped_at is None:
                self._judge_one(row, going[row.number], list(going.values()))
            elif not row.cancel_requested:  # a service was killed in between
                self._stop(row, row.stopped_at)

    def _judge_one(self, row: TrialRow, trial: Trial, going: list[Trial]) -> None:
        if row.status == states.RUNNING and not trial.values and row.run not in self._unjudged:
            self._unjudged.add(row.run)
            said = f"has not logged '{self._spec.metric}' so far, so the policy cannot be applied to it"
            self._log.say("ENFORCER", f"Job '{row.run}' {said}")
        interval = first_stop(self._spec.policy, trial, going, self._spec.maximize, row.judged, self._field)
        if interval is not None:
            self._parts.sweeps.judged(self._id, row.number, interval, stopped=True)
            self._log.say("ENFORCER", f"Policy stops job, id='{row.run}', at interval {interval}")
            self._stop(row, interval)
        elif len(trial.values) > row.judged:
            self._parts.sweeps.judged(self._id, row.number, len(trial.values), stopped=False)

    def _stop(self, row: TrialRow, interval: int) -> None:
        """Cancel a run that the policy has stopped, and have its record say so."""
        found = best(self._values(row._replace(stopped_at=interval)), self._spec.maximize)
        value = f"no value of '{self._spec.metric}'" if found is None else f"'{self._spec.metric}' {found:g}"
        policy = POLICIES[self._spec.policy.name]
        said = f"The sweep's {policy}Policy stopped this run at interval {interval}, with {value}."
        self._parts.supervisor.cancel(
            row.run, {POLICY_REQUEST: said, "warnings": [{"source": "sweep", "message": said}]}
        )

    def _fill(self, rows: list[TrialRow]) -> bool:
        """Begin as many trials as may run at once; return whether one was begun."""
        number = len(self._ends) + len(rows)
        free = min(self._spec.max_concurrent_runs - len(rows), self._spec.max_total_runs - number)
        begun = False
        for _ in range(free):
            pending = [Trial(row.number, row.parameters) for row in rows]
            parameters = self._given(number) or self._proposed(number, [*self._known, *pending])
            if parameters is None:
                break
            if not begun:
                self._log.say("GENERATOR", f"Trying to sample '{free}' jobs from the hyperparameter space")
            self._keys.add(key_of(parameters))
            run_id = runs.run_id_of(self._id, number)
            self._parts.sweeps.propose(self._id, number, parameters, run_id)
            row = TrialRow(number, parameters, run_id, 1, False, 0, None, False, None, None, False, None, None)
            rows.append(self._submit(row))
            number += 1
            begun = True
        if begun and number == self._spec.max_total_runs:
            self._log.say("GENERATOR", f"Max number of jobs '{number}' reached for experiment.")
            self._log.say("GENERATOR", "All jobs generated.")
        return begun

    def _given(self, number: int) -> dict[str, Any] | None:
        """Return the parameters that a trial has whatever the sampling method: of the run that it resumes, or given."""
        resumed, first = self._spec.resume_trials, self._spec.first
        if number < len(resumed):
            return runs.parameters_of(self._parts.history.get(resumed[number])["tags"])
        number -= len(resumed)
        found: dict[str, Any] | None = json.loads(first[number]) if number < len(first) else None
        return found

    def _proposed(self, number: int, trials: Sequence[Trial]) -> dict[str, Any] | None:
        spec = self._spec
        known = Known(spec.space, spec.seed, spec.maximize, trials, spec.begun > 0, self._keys)
        return propose(spec.sampling, known, number - len(spec.first) + spec.begun)

    def _end(self, how: dict[str, str]) -> None:
        """Note the best trial and how the sweep has ended."""
        scores = {}
        for number, row in self._ends.items():
            found = best(self._values(row._replace(stopped_at=None)), self._spec.maximize)
            if found is not None:
                scores[number] = -found if self._spec.maximize else found
        if scores and how["outcome"] == "completed":
            number = min(scores, key=lambda each: (scores[each], each))
            score = -scores[number] if self._spec.maximize else scores[number]
            told = {"best_child_run_id": self._ends[number].run, "score": str(score), "best_metric_status": "Succeeded"}
            self._parts.history.add_properties(self._id, told)
        if how["outcome"] == "completed" and not how.get("note") and len(self._ends) < self._spec.max_total_runs:
            self._log.say("GENERATOR", "All jobs generated.")  # of a space with fewer
        final = {"completed": "Completed", "canceled": "Canceled"}.get(how["outcome"], "Failed")
        if how.get("note"):
            self._log.say("CONTROLLER", how["note"])
        if how["message"]:
            self._log.say("CONTROLLER", how["message"], "ERROR")
        self._log.say("CONTROLLER", f"Changing Run Status from Running to {final}")
        self._parts.supervisor.end(self._id, {name: how[name] for name in ("outcome", "reason", "message")})

    def fail(self, error: Exception) -> None:
        """End the sweep because of an error that would come again."""
        for row in self._open():
            if row.status is not None and not row.cancel_requested:
                self._parts.supervisor.cancel(row.run)
        self._end({"outcome": "failed", "reason": "exit", "message": f"A trial cannot be submitted: {why(error)}."})
