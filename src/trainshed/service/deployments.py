"""Web services: each is a run that does not end, with a name, a port and keys; lost ones are started again."""

from __future__ import annotations

import json
import logging
import os
import queue
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from trainshed.errors import NotFoundException, TrainshedError, WebserviceException
from trainshed.service.attempts import attempt
from trainshed.service.bus import Bus
from trainshed.service.supervisor import Supervisor
from trainshed.spec import states
from trainshed.spec.checks import check_run_spec
from trainshed.spec.codec import from_json
from trainshed.spec.record import to_json
from trainshed.spec.run import WEBSERVICE, RunSpec
from trainshed.spec.sweep import FROM_OUTSIDE
from trainshed.store.history import History
from trainshed.store.private import Private
from trainshed.store.registry import Registry

log = logging.getLogger("trainshed.service")
EXPERIMENT = "webservices"
"""Experiment of the runs that are web services."""
_ACCESS = "TRAINSHED_SERVICE_ACCESS"
_STATE = "service_state"
_PORTS = range(31310, 31910)
_HERE = "127.0.0.1"
_FIRST = 1 << 30
_GRACE = 5.0
_WAITS = (1.0, 5.0, 30.0, 120.0, 600.0)
_LONG = 600.0
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
        self._private = private
        self._history = history
        self._supervisor = supervisor
        self._remove = remove
        self._lock = threading.RLock()
        self._runs: dict[str, str | None] = {}
        """Run → its service; None for one that was replaced or deleted."""
        self._lost: dict[str, list[float]] = {}
        self._changes: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="deployments", daemon=True)
        bus.subscribe(self._changed)

    def start(self) -> None:
        """Take up what an earlier service left, then watch."""
        for record in self._records.list(WEBSERVICE):
            self._runs[str(record.get("run"))] = str(record.get("name"))
        for run in self._history.list_runs(experiment=EXPERIMENT, kind=WEBSERVICE, limit=1000):
            self._runs.setdefault(run["id"], None)
        for run_id in list(self._runs):
            self._changes.put(run_id)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; the web services go on."""
        self._changes.put(_STOP)

    def deploy(self, name: str, spec: RunSpec, facts: Record, port: int | None, overwrite: bool) -> Record:
        """Create a web service, or replace one.

        Args:
            name: its name.
            spec: the run that it is; its arguments are the ids of its models.
            facts: what else is known of it; ``"auth"`` tells whether callers need a key.
            port: port of the loopback address. Default: that of the service that is replaced, or a free one.
            overwrite: replace a service of this name.

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
            access = self._access(name) if old else _new_access(name)
            access["auth"] = bool(facts.get("auth", True))
            chosen = self._port(port, old, taken)
            return self._begin(
                name, spec, {"auth": True, **facts, "port": chosen, "models": list(spec.arguments)}, access, old
            )

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
            changes: of its record: ``"models"`` and ``"auth"``.
        """
        with self._lock:
            old, access = self.get(name), self._access(name)
            facts = {**old, **(changes or {})}
            access["auth"] = bool(facts["auth"])
            if fresh_key is not None:
                access["keys"][fresh_key[0]] = fresh_key[1] or secrets.token_urlsafe(32)
            spec = from_json(RunSpec, self._whole(name))
            spec = spec._replace(
                snapshot=snapshot or spec.snapshot,
                environment_variables={k: v for k, v in spec.environment_variables.items() if k != _ACCESS},
            )
            return self._begin(name, spec, facts, access, old)

    def _begin(self, name: str, spec: RunSpec, facts: Record, access: Record, old: Record | None) -> Record:
        port, source = facts["port"], facts.get("source") or {}
        folder = "" if source.get("alone", True) else os.path.basename(str(source.get("directory", "")))
        run_id = f"{name}_{int(time.time())}_{secrets.token_hex(4)}"
        spec = check_run_spec(
            spec._replace(
                experiment=EXPERIMENT,
                kind=WEBSERVICE,
                display_name=name,
                arguments=(str(port), *facts["models"]),
                priority=_FIRST,  # it uses no slot, so that it delays nobody
                grace_seconds=_GRACE,
                environment_variables={**spec.environment_variables, _ACCESS: json.dumps({**access, "folder": folder})},
            )
        )
        self._supervisor.check(spec)
        now = time.time()
        record = {**facts, "name": name, "run": run_id, "created": (old or {}).get("created", now), "updated": now}
        self._private.keep(name, to_json(spec))
        self._records.put(WEBSERVICE, name, record)
        self._runs[run_id] = name
        self._supervisor.submit(run_id, secrets.token_hex(16), spec)
        if old is not None:
            self._end(str(old["run"]))
        return self.describe(record)

    def _port(self, wanted: int | None, old: Record | None, taken: dict[int, str]) -> int:
        if wanted is None:
            if old is not None:
                return int(old["port"])
            return next((port for port in _PORTS if port not in taken and _is_free(port)), 0) or _any_port()
        if wanted in taken:
            raise WebserviceException(
                f"Port {wanted} is used by the web service '{taken[wanted]}'. Choose another port, or none."
            )
        if not (old is not None and old["port"] == wanted) and not _is_free(wanted):
            raise WebserviceException(
                f"Port {wanted} is used by another program, or may not be used. Choose another port, or none."
            )
        return wanted

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
        base = f"http://{_HERE}:{record['port']}"
        address = self._access(record["name"]).get("address")
        # With a key of its own in it, so that old programs, which send none, can use it.
        prefix = f"{base}/{address}" if record["auth"] and record.get("open_address") and address else base
        return {
            **record,
            "state": state,
            "error": error,
            "scoring_uri": f"{prefix}/score",
            "swagger_uri": f"{prefix}/swagger.json",
        }

    def _state(self, record: Record) -> tuple[str, str | None]:
        try:
            run = self._supervisor.look(record["run"])
        except NotFoundException:
            return "Failed", "The run of this web service was deleted. Deploy it again."
        if run["status"] in states.TERMINAL:
            failure = run["details"].get("error") or {}
            return "Failed", str(failure.get("message") or f"Its run is {run['status']}.")
        return str(run["tags"].get(_STATE) or "Transitioning"), None

    def keys(self, name: str) -> list[str]:
        """Return both keys of a web service."""
        self.get(name)
        return list(self._access(name)["keys"])

    def change(self, name: str, changes: Record) -> Record:
        """Change facts of a web service that its run does not depend on.

        Args:
            name: the service.
            changes: e.g. ``{"tags", "description"}``.
        """
        with self._lock:
            record = {**self.get(name), **changes, "updated": time.time()}
            self._records.put(WEBSERVICE, name, record)
            return self.describe(record)

    def delete(self, name: str) -> Record:
        """Delete a web service; its run ends soon.

        Args:
            name: the service.

        Returns:
            Its record.
        """
        with self._lock:
            record = self.get(name)
            self._records.delete(WEBSERVICE, name)
            self._private.forget(name)
            self._end(record["run"])
            return record

    def _end(self, run_id: str) -> None:
        self._runs[run_id] = None
        attempt(self._supervisor.cancel, run_id, failed=_tell)

    def _whole(self, name: str) -> Record:
        found = self._private.whole(name, {})
        if not found:
            raise WebserviceException(f"The request for the web service '{name}' is missing. Deploy it again.")
        return found

    def _access(self, name: str) -> Record:
        found: Record = json.loads(self._private.whole(name, {}).get("environment_variables", {}).get(_ACCESS, "{}"))
        return found or _new_access(name)

    # Lost runs.

    def _changed(self, run_id: str) -> None:
        if run_id in self._runs:
            self._changes.put(run_id)

    def _loop(self) -> None:
        while (run_id := self._changes.get()) != _STOP:
            attempt(self._look, run_id, failed=_tell)

    def _look(self, run_id: str) -> None:
        """Start a web service again whose run was lost; delete the runs of services that were replaced or deleted."""
        try:
            run = self._history.get(run_id)
        except NotFoundException:
            if self._runs.pop(run_id, "") is None:
                self._remove(run_id)
            return
        name = self._runs.get(run_id)
        if run["status"] not in states.TERMINAL:
            if name is None and not run["cancel_requested"]:
                self._supervisor.cancel(run_id)  # the service was killed after it had kept the replacement
        elif name is None:
            self._runs.pop(run_id, None)
            self._remove(run_id)
        elif _is_lost(run):
            self._start_later(name, run)

    def _start_later(self, name: str, run: Record) -> None:
        now = time.time()
        lately = [moment for moment in self._lost.get(name, []) if now - moment < _LONG]
        self._lost[name] = [*lately, now]
        wait = _WAITS[min(len(lately), len(_WAITS) - 1)]
        log.warning("web service '%s': run %s ended (%s); again in %g s", name, run["id"], run["reason"], wait)
        timer = threading.Timer(wait, lambda: attempt(self._revive, name, run["id"], failed=_tell))
        timer.daemon = True
        timer.start()

    def _revive(self, name: str, run_id: str) -> None:
        with self._lock:
            if self._runs.get(run_id) == name and self.get(name)["run"] == run_id:
                self.again(name)


def _is_lost(run: Record) -> bool:
    """Tell whether a run ended for a reason that is not its own, or had answered requests before it ended."""
    by_user = run["status"] == states.CANCELED
    return not by_user and (run["reason"] in FROM_OUTSIDE or _STATE in run["tags"])


def _new_access(name: str) -> Record:
    return {
        "name": name,
        "auth": True,
        "address": secrets.token_urlsafe(16),
        "keys": [secrets.token_urlsafe(32), secrets.token_urlsafe(32)],
    }


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HERE, port))
        except (OSError, OverflowError):
            return False
    return True


def _any_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((_HERE, 0))
        return int(probe.getsockname()[1])


def _tell(error: Exception) -> None:
    log.error("%s", error, exc_info=not isinstance(error, TrainshedError))
