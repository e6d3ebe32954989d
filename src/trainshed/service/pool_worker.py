"""A pool of hosts at work: gives each queued run to a host that answers and has room, whose worker does the rest."""

from __future__ import annotations

import queue
import threading
from typing import Any

from trainshed.errors import MachineUnreachableException, ServiceException
from trainshed.machines.machine import ALIVE
from trainshed.service import run_queue
from trainshed.service.background import Background
from trainshed.service.gpus import wanted
from trainshed.service.pool_room import PoolRoom
from trainshed.service.target_worker import TargetWorker
from trainshed.spec import states
from trainshed.store.history import History
from trainshed.targets.pool_engine import PoolEngine, spread_over

_PAUSE = 0.4
_MOST_PAUSE = 15.0


class PoolWorker:
    """The queue of one pool.

    Args:
        name: of the target.
        room: its hosts.
        history: the table of runs.
    """

    def __init__(self, name: str, room: PoolRoom, history: History) -> None:
        self.name = name
        self.members = [worker for worker, _ in room.members.values()]
        self._room = room
        self._history = history
        self._answer: set[str] = set()
        self._messages: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._background = Background(f"pool '{name}'", lambda _: None)
        self._lacking: list[TargetWorker] = []
        self._thread = threading.Thread(target=self._loop, name=f"pool {name}", daemon=True)

    def start(self) -> None:
        """Begin with what waits."""
        self._thread.start()
        self.tell("dispatch")

    def stop(self) -> None:
        """Stop working; runs go on."""
        self._messages.put("stop")
        self._background.close(wait=False)

    def tell(self, what: str, run_id: str = "") -> None:  # noqa: ARG002 - as of other workers
        """Have the queue looked at again."""
        self._messages.put(what)

    @property
    def used(self) -> int:
        """How many slots are taken, on all hosts together."""
        return sum(member.used for member in self.members)

    def take_in(self, record: dict[str, Any]) -> None:
        """Do nothing: what waits writes nothing."""

    def answered(self) -> None:
        """Note that all hosts have answered somebody else."""
        for member in self.members:
            self._answers(member)

    def state(self) -> dict[str, Any]:
        """Return of the pool what :meth:`Supervisor.state` returns, and the same of each host."""
        hosts: list[dict[str, Any]] = []
        for member in self.members:
            error = member.contact.error or None
            hosts.append(
                {"name": member.name, "used": member.used, "slots": self._room.slots(member.name), "error": error}
            )
        error = " ".join(each["error"] for each in hosts if each["error"])
        doing = next(filter(None, (member.engine.machine.doing for member in self.members)), None)
        return {"used": self.used, "error": error or None, "doing": doing, "members": hosts}

    def _loop(self) -> None:
        while True:
            try:
                what = self._messages.get(timeout=self._pause())
            except queue.Empty:
                what = "look"
            if what == "stop":
                return
            self._background.guarded(self._fill)

    def _pause(self) -> float | None:
        """Return after how many seconds those hosts are asked again that did not answer while runs wait."""
        wanted = [*self._lacking, *self._littered()]
        if not wanted:
            return None
        return min(_PAUSE * min(member.contact.backoff for member in wanted), _MOST_PAUSE)

    def _fill(self) -> None:
        """Give runs to hosts, in order; those that use no GPUs may pass those that wait for some."""
        for member in self._littered():
            self._background.start(self._clear, member)
        pending, self._lacking = False, []
        for record in self._history.queued(self.name, limit=run_queue.LOOKAHEAD):
            self._lacking = [member for member in self.members if not self._usable(member)]
            for member in self._lacking:
                self._background.start(self._ask, member)
            spec = record["spec"]
            gpus, hosts = wanted(spec), self._room.roomy(int(spec["slots"]))
            roomy = [member for member in (self._room.members[host][0] for host in hosts) if self._usable(member)]
            if len(roomy) < int(spec.get("node_count", 1)):
                return  # in the order of submission, even if a later, smaller one would fit
            if not (pending and gpus):
                pending = not any(self._adopted(member, record) for member in roomy) or pending

    def _adopted(self, member: TargetWorker, record: dict[str, Any]) -> bool:
        try:
            return member.adopt(record)
        except MachineUnreachableException as error:
            member.contact.lost(error, [])
            return False

    def _usable(self, member: TargetWorker) -> bool:
        if member.contact.failures or not member.engine.machine.connected:
            self._answer.discard(member.name)
        return member.name in self._answer

    def _ask(self, member: TargetWorker) -> None:
        """Connect to a host."""
        try:
            member.engine.machine.facts()
        except MachineUnreachableException as error:
            member.contact.lost(error, [])
        except ServiceException as error:  # it cannot be used until somebody mends it
            member.contact.lost(MachineUnreachableException(error.message), [])
        else:
            self._answers(member)
            self._background.start(self._clear, member)  # an earlier service may not have come to it

    def _littered(self) -> list[TargetWorker]:
        """Return the hosts that may have something of runs that have ended, which began on another host."""
        engines = [member.engine for member in self.members]
        left = {host for engine in engines if isinstance(engine, PoolEngine) for host in engine.left}
        return [member for host, (member, _) in self._room.members.items() if host in left]

    def _clear(self, member: TargetWorker) -> None:
        """End and delete what a host has of such runs, if it answers."""
        host, machine = member.name.partition(":")[2], member.engine.machine
        try:
            parts = [run_id for run_id in machine.run_names() if self._is_left(run_id, host)]
            machine.end(parts)
            seen = machine.look(parts)
        except MachineUnreachableException as error:
            member.contact.lost(error, [])
            return
        for run_id in (each for each in parts if seen[each].state != ALIVE):
            machine.remove(run_id)
        if all(each.state != ALIVE for each in seen.values()):
            for each in self.members:
                if isinstance(each.engine, PoolEngine):
                    each.engine.left.discard(host)

    def _is_left(self, run_id: str, host: str) -> bool:
        try:
            record = self._history.get(run_id)
        except ServiceException:  # it was deleted, or is of another workspace
            return False
        ours = record["target"].partition(":")[0] == self.name and record["status"] in states.TERMINAL
        return ours and host in spread_over(record["native_id"] or "")[1:]

    def _answers(self, member: TargetWorker) -> None:
        member.answered()
        self._answer.add(member.name)
        self.tell("dispatch")
