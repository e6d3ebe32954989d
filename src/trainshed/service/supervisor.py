"""Queue and reconcile: the one worker that acts on requests and events, and so changes the state of runs."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trainshed.errors import TrainshedError, UserErrorException
from trainshed.launchers import plan as launchers
from trainshed.service.bus import Bus
from trainshed.service.collect import Collector
from trainshed.service.final_state import FinalState, final_state
from trainshed.service.gpus import Gpus, wanted
from trainshed.service.workspace_registry import WorkspaceRegistry
from trainshed.spec import layout, states
from trainshed.spec.codec import to_json
from trainshed.spec.run import RunSpec
from trainshed.store.history import History
from trainshed.system.gpus import inventory
from trainshed.targets import registry as targets
from trainshed.targets.interactive import INTERACTIVE, InteractiveTarget
from trainshed.targets.run_folder import read
from trainshed.targets.target import ABSENT, ALIVE, LOST, Target

log = logging.getLogger("trainshed.service")
_TICK = 1.0
_LOOKAHEAD = 32


class Supervisor:
    """Starts what is queued, hears of ends, and writes every change of state.

    Args:
        history: the runs.
        collector: brings home what they write.
        bus: told of every change.
        registry: what a node needs to know of this workspace.
        runs: folder of the run directories.
    """

    def __init__(
        self, history: History, collector: Collector, bus: Bus, registry: WorkspaceRegistry, runs: Path
    ) -> None:
        self._history = history
        self._collector = collector
        self._bus = bus
        self._registry = registry
        self._messages: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._runs = runs
        self._targets: dict[str, Target] = {}
        self._interactive = InteractiveTarget(runs, self._ended)
        self._targets[INTERACTIVE] = self._interactive
        self._used: dict[str, tuple[str, int]] = {}
        self._gpus = Gpus()
        self._finishing: set[str] = set()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="finish")
        self._thread = threading.Thread(target=self._loop, name="supervisor", daemon=True)

    def start(self) -> None:
        """Take up what an earlier service left, then work."""
        self._target(targets.LOCAL)  # whose first shim is made ready now
        self._messages.put(("recover", ""))
        self._thread.start()

    def stop(self) -> None:
        """Stop working; runs go on."""
        self._messages.put(("stop", ""))
        self._thread.join()
        self._pool.shutdown(wait=True)
        for target in self._targets.values():
            target.close()

    def _target(self, name: str) -> Target:
        """Return what runs the runs of a target; one for all of a kind, which tells them apart by their directories."""
        kind = INTERACTIVE if name == INTERACTIVE else str(self._registry.target(name)["kind"])
        kind = targets.LOCAL if kind == targets.CLUSTER else kind
        with self._lock:
            if kind not in self._targets:
                made = targets.make({"name": name, "kind": kind}, self._runs, self._ended)
                self._targets[kind] = made
            return self._targets[kind]

    def _ended(self, run_id: str) -> None:
        self._messages.put(("ended", run_id))

    def used(self, name: str) -> int:
        """Return how many slots of a target are taken now.

        Args:
            name: the target.
        """
        return sum(slots for used, slots in list(self._used.values()) if used == name)

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
        launchers.check(spec.launcher)
        self._registry.check_size(spec)
        self._registry.check_data(spec)
        record = self._history.create_run(run_id, submit_id, spec, time.time())
        self._messages.put(("dispatch", ""))
        return record

    def begin(self, run_id: str, submit_id: str, spec: RunSpec, owner: dict[str, Any], start: bool) -> dict[str, Any]:
        """Take up a run whose script is a program of the user's.

        Args:
            run_id: id for a new run.
            submit_id: as for :meth:`submit`.
            spec: what is known of it.
            owner: the program, as :func:`trainshed.system.process.identity` names it.
            start: it runs already.

        Returns:
            The run's record.
        """
        record = self._history.create_run(run_id, submit_id, spec, time.time(), queued=False)
        made = record["id"]
        self._interactive.submit(
            made,
            {**self._registry.record(made, to_json(spec), record["number"], self._root(record)), "owner": owner},
            {},
        )
        # It takes none of the slots, and is looked at with those that do.
        self._used[made] = (INTERACTIVE, 0)
        self._messages.put(("dispatch", ""))
        return self.set_going(made) if start else self._history.get(made)

    def set_going(self, run_id: str) -> dict[str, Any]:
        """Note that an interactive run has begun; one that has begun before, or has ended, stays as it is."""
        self._must_be_interactive(run_id, "run.start()")
        if self._history.move(run_id, states.RUNNING, now=time.time()):
            self._bus.publish(run_id)
        return self._history.get(run_id)

    def end(self, run_id: str, how: dict[str, Any]) -> dict[str, Any]:
        """Note how an interactive run has ended; what was said first stands.

        Args:
            run_id: the run.
            how: ``{"outcome": "completed" | "failed", "reason", "message"}``.

        Returns:
            The run's record, with all that it has written taken in.
        """
        self._must_be_interactive(run_id, "run.complete() or run.fail()")
        self._interactive.end(run_id, how)
        self._finish(run_id)
        return self._history.get(run_id)

    def _must_be_interactive(self, run_id: str, call: str) -> None:
        record = self._history.get(run_id)
        if record["target"] != INTERACTIVE:
            raise UserErrorException(
                f"{call} is for runs that a program logs by itself; run '{run_id}' begins and ends with its script on "
                f"'{record['target']}'. run.cancel() ends it early."
            )

    def cancel(self, run_id: str) -> None:
        """Ask for the end of a run; queued ones end at once.

        Args:
            run_id: the run.
        """
        status = self._history.request_cancel(run_id, time.time())
        if status == states.CANCEL_REQUESTED:
            self._pool.submit(self._guarded, self._tell_target, run_id)
        self._bus.publish(run_id)
        self._messages.put(("dispatch", ""))

    def look(self, run_id: str) -> dict[str, Any]:
        """Return a run's record as of now: what its node has written since the last time is taken in first.

        Args:
            run_id: the run.
        """
        record = self._history.get(run_id)
        if record["status"] in states.TERMINAL or record["status"] in (states.NOT_STARTED, states.QUEUED):
            return record
        self._take_in(record)
        return self._history.get(run_id)

    def wake(self) -> None:
        """Look at the queue again: the number of slots may have changed."""
        self._messages.put(("dispatch", ""))

    def _loop(self) -> None:
        while True:
            try:
                kind, run_id = self._messages.get(timeout=_TICK if self._used else None)
            except queue.Empty:
                kind, run_id = "tick", ""
            if kind == "stop":
                return
            self._guarded(self._act, kind, run_id)

    def _guarded(self, work: Any, *args: Any) -> None:
        """Go on after a mistake of ours: the next run must not suffer for it."""
        try:
            work(*args)
        except Exception:  # the supervisor's tick
            log.exception("while supervising %s", args)

    def _act(self, kind: str, run_id: str) -> None:
        if kind == "recover":
            self._recover()
        if kind == "ended":
            self._pool.submit(self._guarded, self._finish, run_id)
        if kind == "tick":
            for held in list(self._used):
                self._guarded(self._check, held)
        if kind in ("recover", "dispatch"):
            self._dispatch()

    def _check(self, run_id: str) -> None:
        """Take in what a run has written; finish it if that went wrong when it ended, as on a full disk."""
        record = self._history.get(run_id)
        if self._target(record["target"]).poll([run_id])[run_id].state == ALIVE:
            self._take_in(record)
        else:
            self._pool.submit(self._guarded, self._finish, run_id)

    def _recover(self) -> None:
        self._gpus = Gpus(inventory(os.environ))
        absent = []
        for record in self._history.active():
            if record["status"] in (states.NOT_STARTED, states.QUEUED) and record["target"] != INTERACTIVE:
                continue
            run_id, target = record["id"], self._target(record["target"])
            spec = self._history.get(run_id)["spec"]
            self._used[run_id] = (record["target"], _size(spec) if record["target"] != INTERACTIVE else 0)
            seen = target.poll([run_id])[run_id]
            self._gpus.keep(run_id, read(self._runs / run_id / layout.SPEC).get("node_context", {}))
            if seen.state == ABSENT and not record["cancel_requested"] and record["target"] != INTERACTIVE:
                absent.append((run_id, spec))
            elif seen.state != ALIVE:
                self._pool.submit(self._guarded, self._finish, run_id)
            elif record["cancel_requested"]:
                target.cancel(run_id)
        for run_id, spec in absent:
            # Those that run have theirs again, and so what was free for this one then is free now.
            self._gpus.take(run_id, spec)
            self._hand_over(run_id, spec)

    def _dispatch(self) -> None:
        for record in self._registry.targets():
            self._fill(record["name"])

    def _fill(self, name: str) -> None:
        """Start what waits for a target, in order, as far as its slots go."""
        free, before, pending = self._registry.slots(name) - self.used(name), -1, False
        while free > 0 and free != before:
            before = free
            for record in self._history.queued(name, limit=_LOOKAHEAD):
                slots = _size(record["spec"])
                if slots > free:
                    # What was asked for first starts first, even when something smaller would fit.
                    return
                if pending and wanted(record["spec"]):
                    continue  # nor does it take GPUs for which an earlier one waits
                if not self._gpus.take(record["id"], record["spec"]):
                    pending = True  # those without GPUs go on meanwhile
                elif self._start(record["id"], record["spec"]):
                    free -= slots

    def _start(self, run_id: str, spec: dict[str, Any]) -> bool:
        if not self._history.move(run_id, states.PREPARING, now=time.time()):
            self._gpus.let_go(run_id)
            return False  # cancelled meanwhile
        self._used[run_id] = (spec["target"], _size(spec))
        self._bus.publish(run_id)
        self._hand_over(run_id, spec)
        return True

    def _hand_over(self, run_id: str, spec: dict[str, Any]) -> None:
        target, record = self._target(spec["target"]), self._history.get(run_id)
        try:
            described = self._registry.record(run_id, spec, record["number"], self._root(record))
            described["node_context"].update(self._gpus.allocation(run_id))
            target.submit(run_id, described, self._registry.private(spec))
        except TrainshedError as error:
            final = FinalState(
                states.FAILED, "start_failed", {"error": {"code": "StartFailed", "message": error.message}}
            )
            self._conclude(run_id, final)
            return
        if self._history.get(run_id)["cancel_requested"]:
            # Requested between the change of state and the hand-over, when there was nobody to tell.
            target.cancel(run_id)

    def _root(self, record: dict[str, Any]) -> str:
        """Return the topmost of a run's parents."""
        while record["parent"]:
            record = self._history.get(record["parent"])
        return str(record["id"])

    def _tell_target(self, run_id: str) -> None:
        self._target(self._history.get(run_id)["target"]).cancel(run_id)

    def _take_in(self, record: dict[str, Any]) -> None:
        run_id, target = record["id"], self._target(record["target"])
        for phase in self._collector.phases(run_id, target):
            if phase["phase"] == states.RUNNING and self._history.move(run_id, states.RUNNING, now=phase["time"]):
                self._bus.publish(run_id)
        self._collector.journal(run_id, target)

    def _finish(self, run_id: str) -> None:
        with self._lock:
            if run_id in self._finishing:
                return
            self._finishing.add(run_id)
        try:
            self._finish_once(run_id)
        finally:
            self._finishing.discard(run_id)

    def _finish_once(self, run_id: str) -> None:
        record = self._history.get(run_id)
        if record["status"] in states.TERMINAL:
            return
        target = self._target(record["target"])
        seen = target.poll([run_id])[run_id]
        if seen.state == ALIVE:
            return
        if seen.state == LOST:
            target.cancel(run_id)  # what a lost shim left behind must not run on
            seen = target.poll([run_id])[run_id]
        self._take_in(record)
        self._history.move(run_id, states.FINALIZING, now=time.time())
        self._collector.manifest(run_id)
        reason = seen.exit.get("reason", "")
        tail_of = layout.BUILD_LOG if reason in states.IN_BUILD_LOG else seen.exit.get("log", layout.DRIVER_LOG)
        tail_of = layout.USER_LOG if record["target"] == INTERACTIVE else tail_of
        tail = self._collector.tail(run_id, "shim.log" if seen.state == ABSENT else layout.place_of(tail_of))
        final = final_state(seen, tail, tail_of, record)
        if final.status == states.COMPLETED:
            self._collector.outputs(run_id, record["spec"])
        self._conclude(run_id, final)

    def _conclude(self, run_id: str, final: FinalState) -> None:
        self._history.move(
            run_id, final.status, reason=final.reason, details=final.details, now=final.time or time.time()
        )
        self._used.pop(run_id, None)
        self._gpus.let_go(run_id)
        self._collector.forget(run_id)
        self._bus.publish(run_id)
        self._messages.put(("dispatch", ""))


def _size(spec: dict[str, Any]) -> int:
    """Return how many slots a run takes, on all its nodes together."""
    return int(spec["slots"]) * int(spec.get("node_count", 1))
