"""All sweeps of the workspace: one thread that takes a step of each whenever something has changed."""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from functools import partial
from typing import Any

from trainshed.errors import InternalException, ServiceException, TrainshedError, UserErrorException
from trainshed.service.attempts import attempt
from trainshed.service.bus import Bus
from trainshed.service.mirror import Mirror
from trainshed.service.sweep import Parts, Sweep
from trainshed.service.sweep_log import SweepLog
from trainshed.spec import states
from trainshed.spec.codec import from_json
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.spec.secrets import without_secrets
from trainshed.spec.sweep import BAYESIAN, SweepSpec
from trainshed.sweeps import tpe
from trainshed.sweeps.runs import parameters_of
from trainshed.sweeps.sampler_bayesian import is_available
from trainshed.sweeps.space import size
from trainshed.targets.witness import INTERACTIVE

log = logging.getLogger("trainshed.service")
KIND = "hyperdrive"
_TICK = 0.25
_LATER = 5.0
_STOP = ""
_NO_NUMPY = (
    "Bayesian sampling needs numpy, which the service's Python does not have, so {instead}. Install it: "
    "pip install 'trainshed[sweeps]', then trainshed service stop."
)


class SweepDriver:
    """Begins sweeps and drives them; those of a service that was killed go on.

    Args:
        parts: what sweeps need of the service.
        bus: tells of changes of runs.
        mirror: the run directories.
    """

    def __init__(self, parts: Parts, bus: Bus, mirror: Mirror) -> None:
        self._parts = parts
        self._mirror = mirror
        self._changes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._active: dict[str, Sweep | None] = {}
        self._not_before: dict[str, float] = {}
        self._thread = threading.Thread(target=self._loop, name="sweeps", daemon=True)
        bus.subscribe(self._changed)

    def prepare(self) -> None:
        """Have the runs of all active sweeps laid out, before the supervisor looks at them."""
        for run_id in self._parts.sweeps.active():
            record = self._parts.history.get(run_id)
            if record["status"] not in states.TERMINAL:
                attempt(self._parts.supervisor.lay_out, record, {"sweep": run_id}, failed=_tell)

    def start(self) -> None:
        """Take up the sweeps of an earlier service, then work."""
        for run_id in self._parts.sweeps.active():
            attempt(self._parts.supervisor.set_going, run_id, failed=_tell)
            self._active[run_id] = None
            self._changes.put(run_id)
        self._thread.start()

    def stop(self) -> None:
        """Stop working; sweeps go on with the next service."""
        self._changes.put(_STOP)
        if self._thread.is_alive():
            self._thread.join()

    def submit(self, run_id: str, submit_id: str, sweep: SweepSpec, trial: RunSpec) -> dict[str, Any]:
        """Begin a sweep; it is durable when this returns.

        Args:
            run_id: id for its run.
            submit_id: the client's name for this submit; a second submit of the same name is the same sweep.
            sweep: how to sweep.
            trial: what each trial runs.

        Returns:
            The record of the sweep's run.

        Raises:
            UserErrorException: the target could never run such a trial, or a run to resume from is not a sweep.
        """
        parts = self._parts
        parts.supervisor.check(trial)
        for earlier in sweep.resume_from:
            parts.sweeps.get(earlier)
        for resumed in sweep.resume_trials:
            if parameters_of(parts.history.get(resumed)["tags"]) is None:
                raise UserErrorException(f"Run '{resumed}' cannot be resumed: it is not a run of a sweep.")
        taken = parts.history.has(run_id)  # then what is kept for it is not this one's
        shown = without_secrets(to_json(trial)) if taken else parts.requests.keep(run_id, to_json(trial))
        own = from_json(RunSpec, shown)._replace(kind=KIND, target=INTERACTIVE)
        own = own._replace(properties={**own.properties, **_properties(sweep)})
        add = partial(_add, parts, run_id, sweep, shown)
        try:
            record = parts.history.create_run(run_id, submit_id, own, time.time(), queued=False, also=add)
        except BaseException:
            if not taken:
                parts.requests.forget(run_id)
            raise
        if record["id"] != run_id or taken:
            if not taken:
                parts.requests.forget(run_id)
            if record["kind"] != KIND or parts.sweeps.get(record["id"])[0] != sweep:
                raise UserErrorException(f"This submit id belongs to run '{record['id']}', which is another request.")
            return record
        parts.supervisor.lay_out(record, {"sweep": run_id})
        SweepLog(self._mirror.folder(run_id)).say("API", "Experiment created")
        self._active[run_id] = None
        if sweep.sampling == BAYESIAN and not is_available():
            instead = "Rustuna's TPE chooses the parameters" if tpe.is_available() else "the parameters are random"
            parts.history.add_warnings(run_id, "sweep", [_NO_NUMPY.format(instead=instead)])
        started = parts.supervisor.hold(run_id, start=True)
        self._changes.put(run_id)
        return started

    def describe(self, run_id: str) -> dict[str, Any]:
        """Return a sweep and its trials.

        Args:
            run_id: the sweep's run.

        Returns:
            ``{"sweep", "spec": what each trial runs, without secrets, "trials": [{"number", "run_id", "parameters",
            "status", "best", "stopped_at", …}]}``.

        Raises:
            NotFoundException: there is no such run, or it is not a sweep.
        """
        sweep, shown = self._parts.sweeps.get(self._parts.history.get(run_id)["id"])
        bests = self._parts.sweeps.bests(run_id, sweep.metric, sweep.maximize)
        trials = [
            {
                "number": row.number,
                "run_id": row.run,
                "parameters": row.parameters,
                "status": row.status,
                "reason": row.reason,
                "attempt": row.attempt,
                "stopped_at": row.stopped_at,
                "started": row.run_started,
                "ended": row.run_ended,
                "best": bests.get(row.run),
            }
            for row in self._parts.sweeps.trials(run_id)
        ]
        return {"sweep": to_json(sweep), "spec": shown, "trials": trials}

    def _changed(self, run_id: str) -> None:
        """Look at the sweep of a run; called from any thread."""
        for sweep_id in list(self._active):
            if run_id.startswith(sweep_id):
                self._changes.put(sweep_id)

    def _loop(self) -> None:
        while True:
            changed = self._next()
            if _STOP in changed:
                return
            for run_id in changed:
                if time.monotonic() >= self._not_before.get(run_id, 0.0):
                    attempt(self._step, run_id, failed=partial(self._failed, run_id))

    def _failed(self, run_id: str, error: Exception) -> None:
        """Try again later, as when the disk is full."""
        _tell(error)
        self._not_before[run_id] = time.monotonic() + _LATER

    def _next(self) -> list[str]:
        """Wait for changes; without any, all active sweeps are looked at from time to time."""
        try:
            changed = {self._changes.get(timeout=_TICK if self._active else None): None}
        except queue.Empty:
            return list(self._active)
        while not self._changes.empty():
            changed[self._changes.get()] = None
        return list(changed)

    def _step(self, run_id: str) -> None:
        if run_id not in self._active:
            return
        sweep = self._active[run_id] or Sweep(self._parts, run_id, SweepLog(self._mirror.folder(run_id)))
        self._active[run_id] = sweep
        try:
            goes_on = sweep.step()
        except (ServiceException, InternalException):
            raise  # of the machine or a mistake of ours: tried again
        except TrainshedError as error:
            _tell(error)
            sweep.fail(error)
            return
        if not goes_on:
            self._active.pop(run_id)
            self._not_before.pop(run_id, None)


def _properties(sweep: SweepSpec) -> dict[str, str]:
    """Return the properties of a sweep's run, as in SDK v1."""
    goal = "maximize" if sweep.maximize else "minimize"
    total = size(sweep.space)
    return {
        "runTemplate": "HyperDrive",
        "azureml.runsource": KIND,
        "platform": "AML",
        "primary_metric_config": json.dumps({"name": sweep.metric, "goal": goal}),
        "resume_from": json.dumps(sweep.resume_from or None),
        "space_size": "infinite_space_size" if total is None else str(total),
    }


def _add(parts: Parts, run_id: str, sweep: SweepSpec, shown: dict[str, Any], write: Any) -> None:
    parts.sweeps.add(write, run_id, sweep, shown)


def _tell(error: Exception) -> None:
    log.error("%s", error, exc_info=error)
