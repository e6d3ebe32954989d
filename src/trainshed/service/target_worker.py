"""One target at work: its queue, its runs, its own thread. One that hangs holds up no other."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from trainshed.errors import MachineUnreachableException, TrainshedError
from trainshed.machines.machine import ABSENT, ALIVE, LOST, PENDING, Observation
from trainshed.service import run_queue
from trainshed.service.attempts import attempt
from trainshed.service.background import Background
from trainshed.service.contact import Contact
from trainshed.service.ending import Conclusions, Ending, damage
from trainshed.service.final_state import FinalState, not_started
from trainshed.service.holdings import Holdings
from trainshed.service.looks import Looks
from trainshed.service.shared import Follower, Shared, job_of, take_phases
from trainshed.service.staging import NotWanted
from trainshed.service.submitting import Submitting
from trainshed.spec import states
from trainshed.targets.engine import Engine, Job
from trainshed.targets.witness import INTERACTIVE

log = logging.getLogger("trainshed.service")
_TICK = 1.0  # also for many runs of a cluster here: its file system may be slow to look at
_TICK_ELSEWHERE = 0.4
_MOST_SUBMITS = 3  # after which a run of which no shim is ever seen has failed


class TargetWorker:
    """Starts what is queued for one target, follows it, and writes every change of its state.

    Args:
        name: of the target.
        engine: what starts runs there.
        holdings: slots and GPUs that its runs hold.
        shared: history and files.
        freed: called when a run has ended and left slots or GPUs free.

    Attributes:
        submitting: the runs that are being given to the engine.
    """

    def __init__(
        self, name: str, engine: Engine, holdings: Holdings, shared: Shared, freed: Callable[[str], None]
    ) -> None:
        self.name = name
        self.engine = engine
        self._holdings = holdings
        self._held = holdings.runs
        self._shared = shared
        self._history = shared.history
        self._freed = freed
        self._here = engine.machine.shares_folder
        self._at_once = self._here and not engine.queues
        self._messages: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._native: dict[str, str] = {}
        self._finishing: set[str] = set()
        self._short = False
        self.submitting = Submitting(self._held)
        self._submits: Counter[str] = Counter()
        self._ending: set[str] = set()
        self._tried: set[str] = set()
        self._stopped = False
        self._lock = threading.Lock()
        self.contact = Contact(shared.history, shared.bus, engine.patience)
        self._ends = Conclusions(shared.history, self._let_go)
        self._background = Background(f"target '{name}'", self._out_of_contact, engine.queues)
        self._guarded, self._complain = self._background.guarded, self._background.complain
        self._looks = Looks(engine, self._native, self.answered, self._complain)
        self._follower = Follower(shared, engine.machine, self._background.start, self._complain)
        self._thread = threading.Thread(target=self._loop, name=f"target {name}", daemon=True)

    def start(self) -> None:
        """Take up what an earlier service left, then work."""
        self._messages.put(("recover", ""))
        self._thread.start()

    def stop(self) -> None:
        """Stop working; runs go on."""
        self._stopped = True
        self._messages.put(("stop", ""))
        self._thread.join(None if self._at_once else _TICK)
        self._background.close(wait=self._at_once)
        self.engine.close()

    def tell(self, what: str, run_id: str = "") -> None:
        """Have the worker look at something: ``"dispatch"``, or ``"ended"``, ``"cancel"``, ``"adopted"`` with a run."""
        self._messages.put((what, run_id))

    @property
    def used(self) -> int:
        """How many slots are taken."""
        return self._holdings.used

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
        take_phases(self._shared, record["id"])
        self._shared.collector.journal(record["id"])

    def finish(self, run_id: str) -> None:
        """See whether a run has ended, and if so how; write it down once."""
        with self._lock:
            if run_id in self._finishing:
                return
            self._finishing.add(run_id)
        try:
            self._guarded(self._finish_once, run_id)
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
        if not (self._held or self.contact.failures or self._ends or self._short):
            return None
        seldom = self._at_once or (self._here and len(self._held) > 50)
        return _TICK if seldom else _TICK_ELSEWHERE * self.contact.backoff

    def _act(self, kind: str, run_id: str) -> None:
        silent = self.contact.failures > 0
        if kind == "recover":
            self._guarded(self._recover)
        if work := {"ended": self.finish, "cancel": self._cancel, "adopted": self._hand_over}.get(kind):
            self._background.start(work, run_id)
        if kind == "tick":
            self._background.start(self._look)
            if self._ends:
                self._background.start(self._ends.again)
        if kind in ("recover", "dispatch") or silent or self._short:
            self._fill()

    def _cancel(self, run_id: str) -> None:
        self._ending.discard(run_id)
        self.engine.cancel({run_id: self._native.get(run_id, "")})
        self._ending.add(run_id)

    # Contact.

    def _out_of_contact(self, error: MachineUnreachableException) -> None:
        if not self._stopped:
            waiting = [record["id"] for record in self._history.queued(self.name, limit=run_queue.LOOKAHEAD)]
            self.contact.lost(error, [*self._held, *waiting])

    def answered(self) -> None:
        """Note that the machine has answered."""
        if self.contact.failures:
            self.tell("dispatch")
        self.contact.made()

    def _look(self) -> None:
        """Ask once for all runs, have taken in what they have written, and finish those that have ended."""
        held = [run_id for run_id in list(self._held) if run_id not in self.submitting and run_id not in self._ends]
        seen = self._looks.at(held)
        alive = [run_id for run_id, each in seen.items() if each.state == ALIVE]
        if not self._here and alive:
            self._follower.fetch(alive)
        for run_id in held:
            if run_id in alive:
                self._background.start(self._take_in_again, run_id, seen[run_id].reason)
            elif run_id in seen and seen[run_id].state == PENDING:
                self._guarded(self._history.note, run_id, {"queue_reason": seen[run_id].reason})
            else:
                self._background.start(self.finish, run_id)

    def _take_in_again(self, run_id: str, silent: str) -> None:
        """Take in what is new; also do what could not be done before, as after a time without contact."""
        record = self._history.get(run_id)
        if record["status"] in states.TERMINAL:
            return
        self.contact.back(record, silent)
        if record["status"] == states.NOT_RESPONDING and not silent:
            self._shared.collector.forget(run_id)  # what it is in now, its phases say
        if record["cancel_requested"] and run_id not in self._ending:
            self._history.move(run_id, states.CANCEL_REQUESTED, now=time.time())
            self._background.start(self._cancel, run_id)
        self.take_in(record)

    def _recover(self) -> None:
        found = {}
        for record in self._history.active():
            waits = record["status"] in (states.NOT_STARTED, states.QUEUED) and self.name != INTERACTIVE
            if record["target"] == self.name and not waits:
                found[record["id"]] = record
                self._guarded(self._hold_again, record)
        seen = self._looks.at(found)
        for run_id, record in found.items():
            if run_id in seen:
                self._guarded(self._take_up, record, seen[run_id])
            else:
                self._background.start(self.finish, run_id)

    def _hold_again(self, record: dict[str, Any]) -> None:
        """Let a run have what an earlier service gave it."""
        run_id, interactive = record["id"], self.name == INTERACTIVE
        self._held[run_id] = 0 if interactive else 1  # even if its request cannot be read
        self._native[run_id] = record["native_id"] or ""
        self._holdings.keep(run_id, record["allocation"])
        if not interactive:
            self._held[run_id] = self._holdings.slots(self._history.get(run_id)["spec"])

    def _take_up(self, record: dict[str, Any], seen: Observation) -> None:
        """Go on with a run that an earlier service has started, or was about to start."""
        run_id = record["id"]
        if seen.state == ABSENT and not record["cancel_requested"] and self._never_ran(run_id):
            # Those that run have their GPUs again, so what was free for this one then is free now.
            self._holdings.take(run_id, self._history.get(run_id)["spec"])
            self._tried.add(run_id)
            self._hand_over(run_id)
        elif seen.state not in (ALIVE, PENDING):
            self._background.start(self.finish, run_id)
        elif record["cancel_requested"]:
            self._background.start(self._cancel, run_id)

    def _never_ran(self, run_id: str) -> bool:
        """Tell whether a run that is not on its machine may be started: it is not one that was there and is gone."""
        limited = self.name == INTERACTIVE or self._submits[run_id] >= _MOST_SUBMITS
        return not limited and not self._has_run(run_id)

    def _has_run(self, run_id: str) -> bool:
        attempt(take_phases, self._shared, run_id, failed=self._complain)  # the last service may not have come to it
        return any(event["status"] == states.RUNNING for event in self._history.events(run_id))

    # The queue.

    def _fill(self) -> None:
        """Start what waits for the target, in order, as far as its slots go, unless the disk is full."""
        if self.name == INTERACTIVE:
            return
        was_short, self._short = self._short, not self._history.has_room()
        if self._short and not was_short:
            log.warning("target '%s': the disk is full, and queued runs wait until it is not", self.name)
        if not self._short:
            free = self._shared.registry.slots(self.name) - self.used
            start = partial(self._guarded, self._hand_over)
            take = partial(self._holdings.take_or_fail, fail=self._fail)
            with self.submitting.reading():
                run_queue.fill(self._history, self.name, free, self._holdings, take, start, self._fail)

    def adopt(self, record: dict[str, Any]) -> bool:
        """Take a run, with its spec, of the pool to which the machine belongs; False where it has to wait for GPUs."""
        if not self._holdings.take_or_fail(record, self._fail):
            return False
        if not self._history.assign(record["id"], self.name):
            self._holdings.let_go(record["id"])
        self.tell("adopted", record["id"])
        return True

    def _hand_over(self, run_id: str) -> None:
        """Give a run to the engine; its state changes with the engine's word, before anything of it starts."""
        if not self._at_once:
            self._history.move(run_id, states.PROVISIONING, now=time.time())  # so those behind it can be seen
        if self.submitting.begin(run_id):
            if self._at_once:
                self._submit(run_id)
            else:
                self._background.start(self._submit, run_id)

    def _submit(self, run_id: str) -> None:
        try:
            attempt(self._submit_now, run_id, failed=partial(self._not_submitted, run_id))
        finally:
            self.submitting.end(run_id)

    def _submit_now(self, run_id: str) -> None:
        record = self._history.get(run_id)
        if record["status"] in states.TERMINAL:
            self._let_go(run_id)
            return
        if not self._at_once:
            self.contact.back(record)
            self._history.move(run_id, states.PROVISIONING, now=time.time())
            self._shared.bus.publish(run_id)
        if not self._found(run_id):
            self._submit_once(run_id, record)
            self._submits[run_id] += 1

    def _not_submitted(self, run_id: str, error: Exception) -> None:
        """Fail a run that could not be handed over, unless it has started all the same."""
        if run_id in self._tried:
            seen = self._looks.at([run_id]).get(run_id)
            if seen is not None and seen.state != ABSENT:
                self._complain(error)
                return
            attempt(self.engine.cancel, {run_id: self._native.get(run_id, "")}, failed=self._complain)
        self._fail(run_id, error)

    def _fail(self, run_id: str, error: Exception) -> None:
        if not isinstance(error, (NotWanted, TrainshedError)):
            self._complain(error)
        self._ends.write(run_id, not_started(error, isinstance(error, NotWanted)))

    def _found(self, run_id: str) -> bool:
        """Take up a run that the engine has taken without our having heard its answer, or a moment ago."""
        if run_id not in self._tried:
            return False
        if not self._native.get(run_id):
            native_id = self.engine.find(Job(run_id, {"attempt": 1}, {}).token)
            if native_id is None or not self._accepted(run_id, native_id, self._holdings.allocation(run_id)):
                return native_id is not None
        seen = self._looks.at([run_id]).get(run_id)
        return seen is not None and seen.state != ABSENT

    def _submit_once(self, run_id: str, record: dict[str, Any]) -> None:
        gpus = self._holdings.allocation(run_id)
        job = job_of(self._shared, [self.engine.machine, *self._holdings.others(run_id)], record, gpus)
        self._tried.add(run_id)
        self.engine.submit(job, lambda native_id: self._accepted(run_id, native_id, gpus))
        if self._history.get(run_id)["cancel_requested"]:
            # Requested between the change of state and the hand-over, when there was nobody to tell.
            self._cancel(run_id)

    def _accepted(self, run_id: str, native_id: str, gpus: dict[str, Any]) -> bool:
        """Keep the native id; False where the run was cancelled meanwhile."""
        self._native[run_id] = native_id
        state = states.PROVISIONING if self.engine.queues else states.PREPARING
        if self._history.accept(run_id, native_id, gpus, state, now=time.time(), durable=not self._at_once):
            self._shared.bus.publish(run_id)
            return True
        if self._history.get(run_id)["status"] in states.TERMINAL:
            self._let_go(run_id)
        else:
            self._ends.write(run_id, FinalState(states.CANCELED, "canceled_by_user", {}))
        return False

    # The end.

    def _finish_once(self, run_id: str) -> None:
        record = self._history.get(run_id)
        if record["status"] in states.TERMINAL and run_id in self._held:
            self._let_go(run_id)
        if record["status"] in states.TERMINAL or run_id in self._ends:
            return
        seen = self._looks.at([run_id]).get(run_id)
        if seen is None and self._looks.are_in_vain(run_id):
            seen = Observation(LOST)
        if seen is None or seen.state in (ALIVE, PENDING):
            return
        if seen.state == ABSENT and not record["cancel_requested"] and self._never_ran(run_id):
            if self.submitting.begin(run_id):
                self._submit(run_id)  # contact broke before the engine had taken it
            return
        seen, damaged = self._end_lost(run_id, seen) if seen.state in (ABSENT, LOST) else (seen, "")
        self._ends.write(run_id, Ending(self._shared, self.engine.machine, record).reach(seen, damaged))

    def _end_lost(self, run_id: str, seen: Observation) -> tuple[Observation, str]:
        """End what a lost run has left; return what is seen of it then, and which of its records are damaged."""
        damaged, had_records = "", seen.state == LOST or self._has_run(run_id)
        if self._looks.are_in_vain(run_id):
            damaged = "its run directory cannot be read"
        elif had_records and self._here:
            damaged = damage(str(self._shared.mirror.folder(run_id)))
        elif had_records and seen.state == ABSENT:
            damaged = "its run directory was removed"
        # What a lost shim left behind must not run on; one that is not there yet may be about to begin.
        attempt(self.engine.cancel, {run_id: self._native.get(run_id, "")}, failed=self._complain)
        return (self._looks.at([run_id]).get(run_id, seen) if seen.state == LOST else seen), damaged

    def _let_go(self, run_id: str) -> None:
        for table in (self._native, self._submits):
            table.pop(run_id, None)
        self._looks.forget(run_id)
        self._tried.discard(run_id)
        self._ending.discard(run_id)
        self._holdings.let_go(run_id)
        self._guarded(self._shared.registry.requests.forget, run_id)
        self._shared.collector.forget(run_id)
        self._guarded(self._shared.bus.publish, run_id)
        self._guarded(self._freed, run_id)
