"""All targets together: a worker for each, and the way from a request about a run to the worker that has it."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from trainshed.errors import ComputeTargetException, InternalException, TrainshedError, UserErrorException
from trainshed.launchers import plan as launchers
from trainshed.machines.machine import Machine
from trainshed.service.attempts import attempt
from trainshed.service.gpus import Gpus
from trainshed.service.holdings import Holdings
from trainshed.service.machines import ServiceMachines
from trainshed.service.pool_room import PoolHoldings, PoolRoom
from trainshed.service.pool_worker import PoolWorker
from trainshed.service.shared import Shared
from trainshed.service.spec_file import describe
from trainshed.service.target_names import STANDS_FOR
from trainshed.service.target_worker import TargetWorker
from trainshed.spec import states
from trainshed.spec.codec import from_json
from trainshed.spec.record import to_json
from trainshed.spec.run import RunSpec
from trainshed.store.run_rows import FAIL_REQUEST
from trainshed.targets.engine import Engine
from trainshed.targets.parts import whole_of
from trainshed.targets.pool import POOL, PoolHost, hosts_of
from trainshed.targets.registry import kind_of
from trainshed.targets.slurm_engine import SlurmEngine
from trainshed.targets.witness import INTERACTIVE, Witness

log = logging.getLogger("trainshed.service")


class Supervisor:
    """Hands requests to the workers of the targets, which start runs and write every change of their state.

    Args:
        shared: history and files.
        machines: what the targets can be on.
    """

    def __init__(self, shared: Shared, machines: ServiceMachines) -> None:
        self._shared = shared
        self._history = shared.history
        self._machines = machines
        self._workers: dict[str, TargetWorker | PoolWorker] = {}
        self._gpus: dict[Machine, Gpus] = {}
        self._lock = threading.RLock()
        self._started = False
        runs = shared.mirror.folder("")
        self._witness = Witness(machines.here, runs, self.ended, self._goes_on)

    def start(self) -> None:
        """Take up what an earlier service left, then work."""
        self._started = True
        attempt(
            lambda: self._shared.registry.requests.sweep([record["id"] for record in self._history.active()]),
            failed=_tell,
        )
        self._worker(INTERACTIVE)
        names = [record["name"] for record in self._shared.registry.targets() if STANDS_FOR not in record]
        parts = [record["target"] for record in self._history.active() if ":" in record["target"]]
        for name in dict.fromkeys(names + parts):
            attempt(self._worker, name, failed=_tell)

    def stop(self) -> None:
        """Stop working; runs go on."""
        workers = list(self._workers.values())
        for worker in workers:
            if isinstance(worker, TargetWorker) and not worker.engine.machine.shares_folder:
                worker.engine.machine.close()  # what waits for an answer stops waiting
        for worker in workers:
            attempt(worker.stop, failed=_tell)
        self._machines.close()

    def _worker(self, name: str) -> TargetWorker | PoolWorker:
        """Return what gives the runs of a target their turn, which is made at its first use."""
        with self._lock:
            if name not in self._workers:
                record = {} if name == INTERACTIVE else self._shared.registry.target(name)
                if record.get("kind") in (POOL, PoolHost.name):
                    made = self._pool(record.get("pool", record))
                else:
                    made = {name: self._of_machine(name, record)}
                self._workers.update(made)
                for each in made.values() if self._started else ():
                    each.start()
            return self._workers[name]

    def _pool(self, record: dict[str, Any]) -> dict[str, TargetWorker | PoolWorker]:
        """Return the workers of a pool and of all its hosts."""
        room = PoolRoom(self._shared.registry.slots)
        made: dict[str, TargetWorker | PoolWorker] = {}
        for each in hosts_of(record):
            made[each["name"]] = self._of_machine(each["name"], each, room)
        return {**made, record["name"]: PoolWorker(record["name"], room, self._history)}

    def _of_machine(self, name: str, record: dict[str, Any], room: PoolRoom | None = None) -> TargetWorker:
        engine: Engine = kind_of(record).engine(record, self._machines) if record else self._witness
        gpus = Gpus() if engine.queues else self._gpus_of(engine.machine)
        holdings = Holdings(gpus) if room is None else PoolHoldings(gpus, record["host"], room)
        worker = TargetWorker(name, engine, holdings, self._shared, self._freed)
        if isinstance(engine, SlurmEngine):
            engine.expect(worker.submitting.coming)
        if room is not None and isinstance(holdings, PoolHoldings):
            room.members[record["host"]] = worker, holdings
        return worker

    def _machine_worker(self, name: str) -> TargetWorker:
        """Return the worker of a target, or part of one, that runs can be on."""
        worker = self._worker(name)
        if not isinstance(worker, TargetWorker):
            raise InternalException(f"'{name}' is a pool, and no run can be on it.")
        return worker

    def machine(self, target: str) -> Machine:
        """Return the machine of a target.

        Args:
            target: a target, or part of one, that runs can be on.
        """
        return self._machine_worker(target).engine.machine

    def prove(self, record: dict[str, Any]) -> None:
        """Ask a target that is about to be made whether it can be used, where its kind can find out at once.

        Args:
            record: the target's.

        Raises:
            UserErrorException: it cannot be used; the sentence says why.
            ComputeTargetException: it has unfinished runs, which would be looked for in another place.
        """
        before = next((each for each in self._shared.registry.targets() if each["name"] == record["name"]), record)
        moved = any(before.get(name) != record.get(name) for name in ("kind", "folder"))
        gone = {f"{record['name']}:{host}" for host in set(before.get("hosts", ())) - set(record.get("hosts", ()))}
        if any(self._workers[name].used for name in gone & self._workers.keys()):
            raise ComputeTargetException(
                f"'{record['name']}' has unfinished runs on hosts that it would no longer have. Cancel them or wait for"
                " them."
            )
        if moved and any(worker.used for name, worker in self._workers.items() if whole_of(name) == record["name"]):
            raise ComputeTargetException(
                f"Target '{record['name']}' has unfinished runs, so its folder cannot be changed. Cancel them or wait "
                "for them, or choose another name."
            )
        kind_of(record).prove(record, self._machines)

    def _gpus_of(self, machine: Machine) -> Gpus:
        """Return who has which GPUs of a machine: one table for all its targets."""
        return self._gpus.setdefault(machine, Gpus(lambda: tuple(machine.facts()["gpus"])))

    def _goes_on(self, run_id: str) -> bool:
        return self._history.get(run_id)["status"] not in states.TERMINAL

    def ended(self, run_id: str) -> None:
        """Have a run's end looked at; callable from any thread, which goes on whatever happens."""
        attempt(lambda: self._of(self._history.get(run_id)).tell("ended", run_id), failed=_tell)

    def _of(self, record: dict[str, Any]) -> TargetWorker | PoolWorker:
        return self._worker(record["target"])

    def _freed(self, run_id: str) -> None:
        """A run has ended: others may have its slots and GPUs, and those that it had begun end with it."""
        for worker in list(self._workers.values()):
            worker.tell("dispatch")
        for child in self._history.list_runs(parent=run_id, target=INTERACTIVE, limit=1000):
            if child["status"] not in states.TERMINAL:
                self._worker(INTERACTIVE).tell("ended", child["id"])

    def state(self, name: str) -> dict[str, Any]:
        """Return of a target ``{"used": slots, "error": why it cannot be reached, "doing": what makes it ready}``."""
        worker = self._worker(name)
        if isinstance(worker, PoolWorker):
            return worker.state()
        doing = worker.engine.machine.doing
        return {"used": worker.used, "error": worker.contact.error or None, "doing": doing or None}

    def answered(self, name: str) -> None:
        """Note that a target's machine has answered somebody else; what waits for it goes on."""
        self._worker(name).answered()

    def forget(self, name: str) -> None:
        """Let go of a target that has been changed or deleted, and of its parts; their next use makes them anew."""
        with self._lock:
            gone = [self._workers.pop(each) for each in list(self._workers) if whole_of(each) == name]
        for worker in gone:
            if isinstance(worker, TargetWorker):
                self._machines.release(worker.engine.machine)  # what waits for an answer stops waiting
            worker.stop()

    def discard(self, run_id: str, target: str) -> None:
        """Delete what a run that has ended has left on another machine.

        Args:
            run_id: the run.
            target: where it ran; one that has been deleted since is nowhere to be reached.

        Raises:
            MachineUnreachableException: the machine does not answer.
        """
        with contextlib.suppress(ComputeTargetException):
            machine = self._machine_worker(target).engine.machine
            if not machine.shares_folder:
                machine.remove(run_id)

    def elsewhere(self) -> dict[str, Machine]:
        """Return all machines that share nothing with the service, each by the name of one of its targets."""
        records = [each for each in self._shared.registry.targets() if STANDS_FOR not in each]
        workers = [self._machine_worker(part["name"]) for each in records for part in hosts_of(each)]
        found: dict[Machine, str] = {}
        for worker in workers:
            if not worker.engine.machine.shares_folder:
                found.setdefault(worker.engine.machine, worker.name)
        return {name: machine for machine, name in found.items()}

    def fetch(self, run_id: str) -> None:
        """Fetch the files that a run on another machine has written so far.

        Args:
            run_id: the run; of one that is not running, everything is here that there is.

        Raises:
            MachineUnreachableException: the machine does not answer.
        """
        record = self._history.get(run_id)
        if record["status"] == states.RUNNING and record["target"] != INTERACTIVE:
            machine = self._machine_worker(record["target"]).engine.machine
            if not machine.shares_folder:
                self._shared.mirror.settle(machine, run_id, whole=True)

    def submit(self, run_id: str, submit_id: str, spec: RunSpec) -> dict[str, Any]:
        """Put a run into the queue; it is durable when this returns.

        Args:
            run_id: id for a new run.
            submit_id: the client's name for this submit; a second submit of the same name is the same run.
            spec: what to run.

        Returns:
            The run's record.

        Raises:
            UserErrorException: the target could never run it.
            RunConfigurationException: there is no such launcher.
        """
        spec = self._shared.registry.resolved(spec)
        self.check(spec)
        record = self._create(run_id, submit_id, spec)
        self._of(record).tell("dispatch")
        return record

    def check(self, spec: RunSpec) -> None:
        """Raise if a run could never be run; exceptions as for :meth:`submit`."""
        launchers.check(spec.launcher)
        self._shared.registry.check_size(self._shared.registry.resolved(spec))
        self._shared.registry.check_data(spec)

    def _create(self, run_id: str, submit_id: str, spec: RunSpec, queued: bool = True) -> dict[str, Any]:
        """Add a run to the history, which must not contain its secrets; these are kept before it can start."""
        requests = self._shared.registry.requests
        whole = to_json(spec)
        shown = requests.keep(run_id, whole)
        spec = spec if shown == whole else from_json(RunSpec, shown)
        try:
            record = self._history.create_run(run_id, submit_id, spec, time.time(), queued)
        except TrainshedError:
            requests.forget(run_id)
            raise
        if record["id"] != run_id or not queued:
            requests.forget(run_id)
        return record

    def begin(
        self,
        run_id: str,
        submit_id: str,
        spec: RunSpec,
        owner: dict[str, Any],
        start: bool,
        begun: float | None = None,
    ) -> dict[str, Any]:
        """Take up a run whose script is a program of the user's.

        Args:
            run_id: id for a new run.
            submit_id: as for :meth:`submit`.
            spec: what is known of it.
            owner: the program, as :func:`trainshed.system.process.identity` names it, or ``{"run": id}``.
            start: it runs already.
            begun: since when; None for now.

        Returns:
            The run's record.
        """
        record = self._create(run_id, submit_id, spec, queued=False)
        self.lay_out(record, owner)
        return self.hold(record["id"], start, begun)

    def lay_out(self, record: dict[str, Any], owner: dict[str, Any]) -> None:
        """Make the run directory of a run that no target starts; one that is there stays as it is.

        Args:
            record: the run's.
            owner: as for :meth:`begin`, or ``{"sweep": id}``.
        """
        described = describe(self._shared.registry, record, self._history.root_of(record), here=True)
        self._witness.begin(record["id"], described, owner)

    def hold(self, made: str, start: bool, begun: float | None = None) -> dict[str, Any]:
        """Follow a run that no target starts, and note that it has begun.

        Args:
            made: the run.
            start: it runs already.
            begun: since when; None for now.
        """
        # It takes none of the slots, and is looked at with those that do.
        self._machine_worker(INTERACTIVE).hold(made, 0)
        return self.set_going(made, begun) if start else self._history.get(made)

    def set_going(self, run_id: str, begun: float | None = None) -> dict[str, Any]:
        """Note that an interactive run has begun; one that has begun before, or has ended, stays as it is.

        Args:
            run_id: the run.
            begun: since when; None for now.
        """
        self._must_be_interactive(run_id, "run.start()")
        if self._history.move(run_id, states.RUNNING, now=time.time() if begun is None else begun):
            self._shared.bus.publish(run_id)
        return self._history.get(run_id)

    def end(self, run_id: str, how: dict[str, Any]) -> dict[str, Any]:
        """Note how an interactive run has ended, or end a submitted run as failed; what was said first stands.

        Args:
            run_id: the run.
            how: ``{"outcome": "completed" | "failed", "reason", "message"}``.

        Returns:
            The run's record. That of an interactive run is final, with all that it has written taken in.
        """
        if how["outcome"] == "failed" and self._history.get(run_id)["target"] != INTERACTIVE:
            self.cancel(run_id, {FAIL_REQUEST: how["message"]})
            return self._history.get(run_id)
        self._must_be_interactive(run_id, "run.complete() or run.fail()")
        self._witness.end(run_id, how)
        self._machine_worker(INTERACTIVE).finish(run_id)
        return self._history.get(run_id)

    def _must_be_interactive(self, run_id: str, call: str) -> None:
        record = self._history.get(run_id)
        if record["target"] != INTERACTIVE:
            raise UserErrorException(
                f"{call} is for runs that a program logs by itself; run '{run_id}' starts and ends with its script on "
                f"target '{record['target']}'. run.cancel() ends it early."
            )

    def cancel(self, run_id: str, cause: Mapping[str, Any] | None = None) -> None:
        """Ask for the end of a run; queued ones end at once.

        Args:
            run_id: the run.
            cause: as for :meth:`trainshed.store.history.History.request_cancel`.
        """
        status = self._history.request_cancel(run_id, time.time(), cause)
        if status in states.TERMINAL:
            self._shared.registry.requests.forget(run_id)
        worker = self._of(self._history.get(run_id))
        if status == states.CANCEL_REQUESTED:
            worker.tell("cancel", run_id)
        self._shared.bus.publish(run_id)
        worker.tell("dispatch")

    def look(self, run_id: str) -> dict[str, Any]:
        """Return a run's record as of now: what its node has written since the last time is taken in first.

        Args:
            run_id: the run.
        """
        record = self._history.get(run_id)
        if record["status"] in states.TERMINAL or record["status"] in (states.NOT_STARTED, states.QUEUED):
            return record
        attempt(lambda: self._of(record).take_in(record), failed=_tell)  # what is known is told all the same
        return self._history.get(run_id)

    def wake(self, name: str) -> None:
        """Look at a target's queue again: the number of its slots may have changed."""
        self._worker(name).tell("dispatch")


def _tell(error: Exception) -> None:
    log.error("%s", error, exc_info=error)
