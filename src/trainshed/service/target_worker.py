"""One target at work: its queue, its runs, its own thread. One that hangs holds up no other."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from trainshed.errors import MachineUnreachableException, TrainshedError
from trainshed.machines.machine import ABSENT, ALIVE, LOST, PENDING, Observation
from trainshed.service import ending, run_queue
from trainshed.service.contact import Contact
from trainshed.service.final_state import FinalState
from trainshed.service.gpus import Gpus
from trainshed.service.shared import Follower, Shared, job_of
from trainshed.service.staging import NotWanted
from trainshed.spec import states
from trainshed.targets.engine import Engine, Job
from trainshed.targets.witness import INTERACTIVE

log = logging.getLogger("trainshed.service")
_TICK = 1.0
_TICK_ELSEWHERE = 0.4
_MOST_SUBMITS = 3
"""After which a run of which no shim is ever seen has failed."""


class TargetWorker:
    """Starts what is queued for one target, follows it, and writes every change of its state.

    Args:
        name: of the target.
        engine: what starts runs there.
        gpus: the GPUs of its machine, which other targets may share.
        shared: history and files.
        freed: called when a run has ended and left slots or GPUs free.
    """

    def __init__(self, name: str, engine: Engine, gpus: Gpus, shared: Shared, freed: Callable[[str], None]) -> None:
        self.name = name
        self.engine = engine
        self._gpus = gpus
        self._shared = shared
        self._history = shared.history
        self._freed = freed
        self._here = engine.machine.shares_folder
        self._messages: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._held: dict[str, int] = {}
        self._native: dict[str, str] = {}
        self._finishing: set[str] = set()
        self._submitting: set[str] = set()
        self._submits: Counter[str] = Counter()
        self._ending: set[str] = set()
        self._tried: set[str] = set()
        self._stopped = False
        self._lock = threading.Lock()
        self._contact = Contact(shared.history, shared.bus, engine.machine.patience)
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix=f"finish {name}")
        self._follower = Follower(shared, engine.machine, lambda *work: self._pool.submit(self._guarded, *work))
        self._thread = threading.Thread(target=self._loop, name=f"target {name}", daemon=True)

    def start(self) -> None:
        """Take up what an earlier service left, then work."""
        self._messages.put(("recover", ""))
        self._thread.start()

    def stop(self) -> None:
        """Stop working; runs go on."""
        self._stopped = True
        self._messages.put(("stop", ""))
        self._thread.join(None if self._here else _TICK)
        self._pool.shutdown(wait=self._here, cancel_futures=not self._here)
        self.engine.close()

    def tell(self, what: str, run_id: str = "") -> None:
        """Have the worker look at something: ``"dispatch"``, or ``"ended"`` or ``"cancel"`` with a run."""
        self._messages.put((what, run_id))

    @property
    def used(self) -> int:
        """How many slots are taken."""
        return sum(list(self._held.values()))

    def hold(self, run_id: str, slots: int) -> None:
        """Follow a run that was not started from the queue.

        Args:
            run_id: the run.
            slots: that it takes.
        """
        self._held[run_id] = slots
        self._messages.put(("dispatch", ""))  # from waiting for messages alone to looking at runs as well

    def take_in(self, record: dict[str, Any]) -> None:
        """Store what a run has written since the last time: phases and journal.

        Args:
            record: the run's.
        """
        run_id = record["id"]
        for phase in self._shared.collector.phases(run_id):
            known = phase["phase"] in (states.PREPARING, states.RUNNING)
            if known and self._history.move(run_id, phase["phase"], now=phase["time"]):
                self._shared.bus.publish(run_id)
        self._shared.collector.journal(run_id)

    def finish(self, run_id: str) -> None:
        """See whether a run has ended, and if so how; write it down once."""
        with self._lock:
            if run_id in self._finishing:
                return
            self._finishing.add(run_id)
        try:
            self._finish_once(run_id)
        finally:
            self._finishing.discard(run_id)

    def _loop(self) -> None:
        while True:
            try:
                kind, run_id = self._messages.get(timeout=self._pause())
            except queue.Empty:
                kind, run_id = "tick", ""
            if kind == "stop":
                return
            self._guarded(self._act, kind, run_id)

    def _pause(self) -> float | None:
        if not self._held and not self._contact.failures:
            return None
        return _TICK if self._here else _TICK_ELSEWHERE * self._contact.backoff

    def _guarded(self, work: Callable[..., object], *args: Any) -> None:
        """Go on after a mistake of ours: the next run must not suffer for it."""
        try:
            work(*args)
        except MachineUnreachableException as error:
            self._out_of_contact(error)
        except Exception:  # the worker's tick
            log.exception("target '%s': %s", self.name, args)

    def _act(self, kind: str, run_id: str) -> None:
        if kind == "recover":
            self._recover()
        if kind == "ended":
            self._pool.submit(self._guarded, self.finish, run_id)
        if kind == "cancel":
            self._pool.submit(self._guarded, self._cancel, run_id)
        silent = self._contact.failures > 0
        if kind == "tick":
            self._look()
        if kind in ("recover", "dispatch") or silent:
            self._fill()

    def _cancel(self, run_id: str) -> None:
        self._ending.discard(run_id)
        self.engine.cancel({run_id: self._native.get(run_id, "")})
        self._ending.add(run_id)

    # Contact.

    def _out_of_contact(self, error: MachineUnreachableException) -> None:
        if not self._stopped:
            waiting = [record["id"] for record in self._history.queued(self.name, limit=run_queue.LOOKAHEAD)]
            self._contact.lost(error, [*self._held, *waiting])

    def _look(self) -> None:
        """Ask once for all runs, take in what they have written, and finish those that have ended."""
        held = [run_id for run_id in list(self._held) if run_id not in self._submitting]
        seen = self._poll(held)
        alive = [run_id for run_id in held if seen[run_id].state == ALIVE]
        if not self._here and alive:
            self._follower.fetch(alive)
        for run_id in held:
            if run_id in alive:
                self._guarded(self._take_in_again, run_id)
            elif seen[run_id].state == PENDING:
                self._history.note(run_id, {"queue_reason": seen[run_id].reason})
            else:
                self._pool.submit(self._guarded, self.finish, run_id)

    def _poll(self, run_ids: list[str]) -> dict[str, Observation]:
        if not run_ids:
            return {}
        seen = self.engine.poll({run_id: self._native.get(run_id, "") for run_id in run_ids})
        self._contact.made()
        return seen

    def _take_in_again(self, run_id: str) -> None:
        """Take in what is new; after a time without contact also do what could not be done."""
        record = self._history.get(run_id)
        self._contact.back(record)
        if record["status"] == states.NOT_RESPONDING:
            self._shared.collector.forget(run_id)  # what it is in now, its phases say
        if not self._here and record["cancel_requested"] and run_id not in self._ending:
            self._history.move(run_id, states.CANCEL_REQUESTED, now=time.time())
            self._cancel(run_id)
        self.take_in(record)

    def _recover(self) -> None:
        unknown = []
        for record in self._history.active():
            if record["target"] != self.name:
                continue
            run_id, interactive = record["id"], self.name == INTERACTIVE
            if record["status"] in (states.NOT_STARTED, states.QUEUED) and not interactive:
                continue
            spec = self._history.get(run_id)["spec"]
            self._held[run_id] = 0 if interactive else run_queue.size(spec)
            self._native[run_id] = record["native_id"] or ""
            self._gpus.keep(run_id, record["allocation"])
            unknown.append((record, spec))
        seen = self._poll([record["id"] for record, _ in unknown])
        for record, spec in unknown:
            self._guarded(self._take_up, record, spec, seen[record["id"]])

    def _take_up(self, record: dict[str, Any], spec: dict[str, Any], seen: Observation) -> None:
        """Go on with a run that an earlier service has started, or was about to start."""
        run_id = record["id"]
        if seen.state == ABSENT and not record["cancel_requested"] and self._never_ran(run_id):
            # Those that run have their GPUs again, so what was free for this one then is free now.
            self._gpus.take(run_id, spec)
            self._tried.add(run_id)
            self._hand_over(run_id)
        elif seen.state not in (ALIVE, PENDING):
            self._pool.submit(self._guarded, self.finish, run_id)
        elif record["cancel_requested"]:
            self._cancel(run_id)

    def _never_ran(self, run_id: str) -> bool:
        """Tell whether a run that is not on its machine may be started: it is not one that was there and is gone."""
        if self.name == INTERACTIVE or self._submits[run_id] >= _MOST_SUBMITS:
            return False
        return all(event["status"] != states.RUNNING for event in self._history.events(run_id))

    # The queue.

    def _fill(self) -> None:
        """Start what waits for the target, in order, as far as its slots go."""
        if self.name != INTERACTIVE:
            free = self._shared.registry.slots(self.name) - self.used
            run_queue.fill(self._history, self.name, free, self._held, self._take_gpus, self._hand_over)

    def _take_gpus(self, record: dict[str, Any]) -> bool:
        """Hold a run with its GPUs; False where it has to wait for them. A machine without use fails the run."""
        try:
            if not self._gpus.take(record["id"], record["spec"]):
                return False
        except MachineUnreachableException:
            raise
        except TrainshedError as error:
            self._fail(record["id"], error)
            return True
        self._held[record["id"]] = run_queue.size(record["spec"])
        return True

    def _hand_over(self, run_id: str) -> None:
        """Give a run to the engine; its state changes with the engine's word, before anything of it starts."""
        if not self._begin(run_id):
            return
        if not self._here:
            self._contact.back(self._history.get(run_id))
            self._history.move(run_id, states.PROVISIONING, now=time.time())
            self._shared.bus.publish(run_id)
            self._pool.submit(self._guarded, self._submit, run_id)
        else:
            self._submit(run_id)

    def _begin(self, run_id: str) -> bool:
        """Be the one who submits a run now; False where somebody else is."""
        with self._lock:
            if run_id in self._submitting:
                return False
            self._submitting.add(run_id)
            return True

    def _submit(self, run_id: str) -> None:
        try:
            record = self._history.get(run_id)
            if record["status"] in states.TERMINAL:
                self._let_go(run_id)
            elif not self._found(run_id):
                self._submit_once(run_id, record)
                self._submits[run_id] += 1
        except NotWanted:
            self._conclude(run_id, FinalState(states.CANCELED, "canceled_by_user", {}))
        except MachineUnreachableException:
            raise  # it stays where it is, and is tried again
        except TrainshedError as error:
            self._fail(run_id, error)
        finally:
            self._submitting.discard(run_id)

    def _fail(self, run_id: str, error: TrainshedError) -> None:
        details = {"error": {"code": "StartFailed", "message": error.message}}
        self._conclude(run_id, FinalState(states.FAILED, "start_failed", details))

    def _found(self, run_id: str) -> bool:
        """Take up a run that the engine has taken without our having heard its answer."""
        if self._native.get(run_id) or run_id not in self._tried:
            return False
        native_id = self.engine.find(Job(run_id, {"attempt": 1}, {}).token)
        gpus = self._gpus.allocation(run_id)
        if native_id is None or not self._accepted(run_id, native_id, gpus):
            return native_id is not None
        return self.engine.poll({run_id: native_id})[run_id].state != ABSENT

    def _submit_once(self, run_id: str, record: dict[str, Any]) -> None:
        gpus = self._gpus.allocation(run_id)
        job = job_of(self._shared, self.engine.machine, record, gpus)
        self._tried.add(run_id)
        self.engine.submit(job, lambda native_id: self._accepted(run_id, native_id, gpus))
        if self._history.get(run_id)["cancel_requested"]:
            # Requested between the change of state and the hand-over, when there was nobody to tell.
            self._cancel(run_id)

    def _accepted(self, run_id: str, native_id: str, gpus: dict[str, Any]) -> bool:
        """Keep the native id; False where the run was cancelled meanwhile."""
        self._native[run_id] = native_id
        if self._history.accept(run_id, native_id, gpus, now=time.time(), durable=not self._here):
            self._shared.bus.publish(run_id)
            return True
        if self._history.get(run_id)["status"] in states.TERMINAL:
            self._let_go(run_id)
        else:
            self._conclude(run_id, FinalState(states.CANCELED, "canceled_by_user", {}))
        return False

    # The end.

    def _finish_once(self, run_id: str) -> None:
        record = self._history.get(run_id)
        if record["status"] in states.TERMINAL:
            return
        native = {run_id: self._native.get(run_id, "")}
        seen = self.engine.poll(native)[run_id]
        if seen.state in (ALIVE, PENDING):
            return
        if seen.state == ABSENT and self._never_ran(run_id):
            if not record["cancel_requested"]:
                if self._begin(run_id):
                    self._submit(run_id)  # contact broke before the engine had taken it
                return
            self.engine.cancel(native)  # it may be about to begin
        if seen.state == LOST:
            self.engine.cancel(native)  # what a lost shim left behind must not run on
            seen = self.engine.poll(native)[run_id]
        if not self._here:
            self._shared.mirror.complete(self.engine.machine, run_id)
        self.take_in(record)
        self._history.move(run_id, states.FINALIZING, now=time.time())
        self._shared.collector.manifest(run_id)
        final = ending.read(self._shared.mirror, seen, record)
        self._shared.staging.forget_damaged(seen.exit)
        if final.status == states.COMPLETED:
            final = ending.keep_outputs(self._shared, record, final, self._here)
        self._conclude(run_id, final)

    def _conclude(self, run_id: str, final: FinalState) -> None:
        self._history.move(
            run_id, final.status, reason=final.reason, details=final.details, now=final.time or time.time()
        )
        self._let_go(run_id)

    def _let_go(self, run_id: str) -> None:
        self._held.pop(run_id, None)
        self._native.pop(run_id, None)
        self._submits.pop(run_id, None)
        self._tried.discard(run_id)
        self._ending.discard(run_id)
        self._gpus.let_go(run_id)
        self._shared.registry.requests.forget(run_id)
        self._shared.collector.forget(run_id)
        self._shared.bus.publish(run_id)
        self._freed(run_id)
