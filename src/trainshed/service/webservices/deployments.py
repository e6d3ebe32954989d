"""Web services: each is a run that does not end, with a name, a port and keys; lost ones are started again.

An update starts a run beside the one that answers. The keepers of both (:mod:`trainshed.runtime.scoring_handover`) pass
the port on between them, so that this service may die in the middle of it. What is written here follows the runs' tags.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any

from trainshed.errors import NotFoundException, TrainshedError, WebserviceException
from trainshed.service.attempts import attempt, later
from trainshed.service.bus import Bus
from trainshed.service.gpus import check_service
from trainshed.service.supervisor import Supervisor
from trainshed.service.webservices import ports, versions
from trainshed.service.webservices.doors import ServiceDoors
from trainshed.service.webservices.requests import ServiceRequests, new_access
from trainshed.service.webservices.runs import EXPERIMENT, run_of
from trainshed.spec import states
from trainshed.spec.record import to_json
from trainshed.spec.run import LOCAL, WEBSERVICE, RunSpec
from trainshed.spec.sweep import FROM_OUTSIDE
from trainshed.store.history import History
from trainshed.store.private import Private
from trainshed.store.registry import Registry

log = logging.getLogger("trainshed.service")
_STATE = "service_state"
_REPLACED = "Replaced"
_HERE = "127.0.0.1"
_WAITS = (1.0, 5.0, 30.0, 120.0, 600.0)
_LONG = 600.0
_DRAIN_SECONDS = 400.0
"""A version that was replaced has ended by itself before, unless its machine hangs."""
_STOP = ""
Record = dict[str, Any]


class Deployments:
    """The web services of the workspace.

    Args:
        records: the table of named records.
        private: the whole requests of services, with their keys.
        history: the table of runs.
        supervisor: starts and ends their runs.
        bus: tells of changes of runs.
        remove: deletes a run that has ended.
    """

    def __init__(
        self,
        records: Registry,
        private: Private,
        history: History,
        supervisor: Supervisor,
        bus: Bus,
        remove: Callable[[str], object],
    ) -> None:
        self._records = records
        self._requests = ServiceRequests(private)
        self._doors = ServiceDoors(supervisor.machine)
        self._history = history
        self._supervisor = supervisor
        self._remove = remove
        self._lock = threading.RLock()
        self._runs: dict[str, str | None] = {}
        """Run → its service; None for one that was replaced or deleted."""
        self._lost: dict[str, list[float]] = {}
        self._expected: set[str] = set()
        """Runs that are about to be started again."""
        self._changes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="deployments", daemon=True)
        bus.subscribe(self._changed)

    def start(self) -> None:
        """Take up what an earlier service left, then watch."""
        for record in self._records.list(WEBSERVICE):
            for run_id in [*versions.runs_of(record), (record.get("failed") or {}).get("run")]:
                self._runs[str(run_id)] = str(record["name"])
        for run in self._history.list_runs(experiment=EXPERIMENT, kind=WEBSERVICE, limit=1000):
            self._runs.setdefault(run["id"], None)
        for run_id in list(self._runs):
            self._changes.put(run_id)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the web services go on."""
        self._changes.put(_STOP)

    def deploy(
        self,
        name: str,
        spec: RunSpec,
        facts: Record,
        port: int | None,
        overwrite: bool,
        keys: Sequence[str | None] = (),
    ) -> Record:
        """Create a web service, or replace one.

        Args:
            name: its name.
            spec: the run that it is; its arguments are the ids of its models.
            facts: what else is known of it; ``"auth"`` tells whether callers need a key.
            port: port of the loopback address. Default: that of the service that is replaced, or a free one.
            overwrite: replace a service of this name.
            keys: of the callers. Default: the keys of the service that is replaced, or random ones.

        Raises:
            WebserviceException: there is a service of this name, or the port is in use.
        """
        with self._lock:
            known = {each["name"]: each for each in self._records.list(WEBSERVICE)}
            old = known.get(name)
            if old is not None and not overwrite:
                raise WebserviceException(
                    f"There is already a web service '{name}'. Choose another name, call its update(), or pass "
                    "overwrite=True."
                )
            taken = {int(each["port"]): each["name"] for each in known.values() if each["name"] != name}
            access = self._requests.access(old) if old else new_access(name)
            access["keys"] = [new or old_ for new, old_ in zip_longest(keys, access["keys"])]
            chosen = ports.chosen(port, int(old["port"]) if old else None, taken)
            whole = {"auth": True, **facts, "port": chosen, "models": list(spec.arguments)}
            return self._begin(name, spec, whole, access, old)

    def again(
        self,
        name: str,
        snapshot: str | None = None,
        fresh_key: tuple[int, str | None] | None = None,
        changes: Record | None = None,
    ) -> Record:
        """Start a web service anew.

        Args:
            name: the service.
            snapshot: its new source. Default: the same.
            fresh_key: position of the key to replace, and the new key if it is not chosen here. Default: none.
            changes: of its record: ``"models"``, ``"auth"``, ``"workers"``, ``"gpu_cores"`` and ``"timeout_ms"``.
        """
        with self._lock:
            old = self.get(name)
            access = self._requests.access(old)
            facts = {**versions.facts_of(old), **(changes or {})}
            if fresh_key is not None:
                access["keys"][fresh_key[0]] = fresh_key[1] or secrets.token_urlsafe(32)
            spec = self._requests.spec(versions.runs_of(old)[-1], name)
            return self._begin(name, spec._replace(snapshot=snapshot or spec.snapshot), facts, access, old)

    def _begin(self, name: str, spec: RunSpec, facts: Record, access: Record, old: Record | None) -> Record:
        """Start one more version of a service."""
        run_id = _new_run(name)
        alive = old is not None and not self._has_ended(old["run"])
        record = {"name": name, **versions.begun(old, facts, run_id, alive, time.time()), "failed": None}
        self._submit(record, spec, access)
        if old is not None:
            gone = {*versions.runs_of(old), (old.get("failed") or {}).get("run")} - {*versions.runs_of(record), None}
            for each in gone:
                self._retire(str(each))
        return self.describe(record)

    def _submit(self, record: Record, spec: RunSpec, access: Record, place: int = -1) -> None:
        """Start the run of a version, and keep the record in which it is."""
        version, name = record["versions"][place], record["name"]
        spec = run_of(spec, name, version, access)
        if spec.use_gpu and spec.target == LOCAL:
            check_service(to_json(spec), self._supervisor.machine(LOCAL).facts()["gpus"])
        self._supervisor.check(spec)
        self._requests.keep(version["run"], spec)
        self._records.put(WEBSERVICE, name, record)
        self._runs[version["run"]] = name
        self._supervisor.submit(version["run"], secrets.token_hex(16), spec)

    def get(self, name: str) -> Record:
        """Return the record of a web service.

        Raises:
            NotFoundException: no such service.
        """
        try:
            return self._records.get(WEBSERVICE, name)
        except NotFoundException as error:
            raise NotFoundException(error.message.replace(f"no {WEBSERVICE} ", "no web service ")) from None

    def all(self) -> list[Record]:
        """Return all web services, by name."""
        return [self.describe(record) for record in self._records.list(WEBSERVICE)]

    def describe(self, record: Record) -> Record:
        """Return a web service as of now: its record, its state, its address, and why it failed.

        Args:
            record: the service's.
        """
        state, error = self._state(record)
        with contextlib.suppress(NotFoundException):
            record = self.get(record["name"])
        first = record["versions"][0]
        facts = first["facts"]  # of the version that answers
        base = f"http://{_HERE}:{facts['port']}"
        address = self._requests.access(record).get("address")
        # With a key of its own in it, so that old programs, which send none, can use it.
        prefix = f"{base}/{address}" if facts["auth"] and facts.get("open_address") and address else base
        return {
            **record,
            "state": state,
            "error": error,
            "scoring_uri": f"{prefix}/score",
            "swagger_uri": f"{prefix}/swagger.json",
        }

    def _state(self, record: Record) -> tuple[str, str | None]:
        looked = [self._looked(run_id) for run_id in versions.runs_of(record)]
        for run in looked:
            if run is not None and (len(looked) > 1 or run["target"] != LOCAL):
                self._noted(record["name"], run)
        if len(looked) > 1 or looked[0] is None:
            with self._lock:  # not between a record and the run that is named in it
                record = self.get(record["name"])
                if len(record["versions"]) > 1:
                    return "Transitioning", None
                looked = [self._looked(record["run"])]
        told = record.get("failed")
        run = looked[0]
        if run is None:
            return "Failed", "The run of this web service was deleted. Deploy it again."
        if run["status"] in states.TERMINAL:
            failure = run["details"].get("error") or {}
            return "Failed", str(failure.get("message") or f"Its run is {run['status']}.")
        return str(run["tags"].get(_STATE) or "Transitioning"), told and str(told["message"])

    def _looked(self, run_id: str) -> Record | None:
        return attempt(self._supervisor.look, run_id, failed=lambda _: None)

    def keys(self, name: str) -> list[str]:
        """Return both keys of a web service."""
        return list(self._requests.access(self.get(name))["keys"])

    def change(self, name: str, changes: Record) -> Record:
        """Change facts of a web service that its run does not depend on.

        Args:
            name: the service.
            changes: e.g. ``{"tags", "description"}``.
        """
        with self._lock:
            record = versions.changed(self.get(name), changes, time.time())
            self._records.put(WEBSERVICE, name, record)
            return self.describe(record)

    def delete(self, name: str) -> list[str]:
        """Delete a web service; its runs end soon.

        Args:
            name: the service.

        Returns:
            Its runs.
        """
        with self._lock:
            record = self.get(name)
            self._records.delete(WEBSERVICE, name)
            self._doors.drop(name)
            found = self._history.list_runs(experiment=EXPERIMENT, kind=WEBSERVICE, limit=1000)
            # Also versions that were replaced and have not ended yet, and that of an update that failed.
            runs = [run["id"] for run in found if run["display_name"] == name]
            for run_id in {*runs, *versions.runs_of(record)}:
                self._retire(run_id)
            return runs

    def _retire(self, run_id: str) -> None:
        """End a run that is not needed any more; it is deleted once it has ended."""
        self._runs[run_id] = None
        self._requests.forget(run_id)
        if self._has_ended(run_id):
            self._changes.put(run_id)
        else:
            attempt(self._supervisor.cancel, run_id, failed=_tell)

    def _has_ended(self, run_id: str) -> bool:
        try:
            return self._history.get(run_id)["status"] in states.TERMINAL
        except NotFoundException:
            return True

    # Lost runs.

    def _changed(self, run_id: str) -> None:
        if run_id in self._runs:
            self._changes.put(run_id)

    def _loop(self) -> None:
        while (run_id := self._changes.get()) != _STOP:
            attempt(self._look, run_id, failed=_tell)

    def _look(self, run_id: str) -> None:
        """See what has become of a version; delete the runs of versions that were replaced or deleted."""
        name = self._runs.get(run_id)
        try:
            run = self._history.get(run_id)
        except NotFoundException:
            if self._runs.pop(run_id, "") is None:
                self._remove(run_id)
            return
        if name is not None:
            self._noted(name, run)
        elif run["status"] in states.TERMINAL:
            self._runs.pop(run_id, None)
            self._remove(run_id)
        elif not run["cancel_requested"] and run["tags"].get(_STATE) != _REPLACED:
            self._supervisor.cancel(run_id)  # the service was killed before it could do so

    def _noted(self, name: str, run: Record) -> None:
        """Take into a service's record what is known of the run of one of its versions."""
        run_id, state = run["id"], run["tags"].get(_STATE)
        with self._lock:
            record = self.get(name)
            runs = versions.runs_of(record)
            if run_id not in runs:
                return
            if state is not None and run_id != runs[0]:
                record = versions.answers(record, run_id, time.time())
                self._records.put(WEBSERVICE, name, record)
                self._let_end(runs[0])
                for each in runs[1 : runs.index(run_id)]:
                    self._retire(each)
            if run["status"] not in states.TERMINAL or state == _REPLACED:
                if versions.runs_of(record)[0] == run_id:
                    self._doors.keep(name, run, record["versions"][0]["facts"]["port"])
                return
            if _is_lost(run):
                self._start_later(name, run)
            elif len(record["versions"]) > 1:
                message = (run["details"].get("error") or {}).get("message") or f"Its run is {run['status']}."
                said = f"The update failed, and the version before it goes on. {message}"
                self._records.put(WEBSERVICE, name, versions.failed(record, run_id, said, time.time()))

    def _let_end(self, run_id: str) -> None:
        """Let a version that was replaced answer what it has accepted; it ends by itself."""
        self._runs[run_id] = None
        self._requests.forget(run_id)
        later(_DRAIN_SECONDS, self._supervisor.cancel, run_id, failed=_tell)
        self._changes.put(run_id)

    def _start_later(self, name: str, run: Record) -> None:
        if run["id"] in self._expected:
            return
        self._expected.add(run["id"])
        now = time.time()
        lately = [moment for moment in self._lost.get(name, []) if now - moment < _LONG]
        self._lost[name] = [*lately, now]
        wait = _WAITS[min(len(lately), len(_WAITS) - 1)]
        log.warning("web service '%s': run %s ended (%s); again in %g s", name, run["id"], run["reason"], wait)
        later(wait, self._revive, name, run["id"], failed=_tell)

    def _revive(self, name: str, run_id: str) -> None:
        with self._lock:
            self._expected.discard(run_id)
            record = self.get(name)
            runs = versions.runs_of(record)
            if run_id in runs:
                place = runs.index(run_id)
                spec, access = self._requests.spec(run_id, name), self._requests.access(record)
                self._submit(versions.again(record, run_id, _new_run(name), time.time()), spec, access, place)
                self._retire(run_id)


def _is_lost(run: Record) -> bool:
    """Tell whether a run ended for a reason that is not its own, or had answered requests before it ended."""
    by_user = run["status"] == states.CANCELED
    return not by_user and (run["reason"] in FROM_OUTSIDE or _STATE in run["tags"])


def _new_run(name: str) -> str:
    return f"{name}_{int(time.time())}_{secrets.token_hex(4)}"


def _tell(error: Exception) -> None:
    log.error("%s", error, exc_info=not isinstance(error, TrainshedError))
