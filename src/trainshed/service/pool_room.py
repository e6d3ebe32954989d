"""Room on the hosts of a pool: a run of several nodes holds slots and GPUs on as many hosts, or waits for them all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from trainshed.machines.machine import Machine
from trainshed.service.gpus import Gpus
from trainshed.service.holdings import Holdings
from trainshed.service.target_worker import TargetWorker
from trainshed.targets.pool_engine import ON


class PoolRoom:
    """The hosts of one pool.

    Args:
        slots: returns the number of slots of a host, by the name of its worker.

    Attributes:
        slots: as given.
        lock: held while a run of several nodes is given its hosts.
        members: the workers of the hosts, by the hosts' names.
    """

    def __init__(self, slots: Callable[[str], int]) -> None:
        self.slots = slots
        self.lock = threading.RLock()
        self.members: dict[str, tuple[TargetWorker, PoolHoldings]] = {}

    def free(self, host: str) -> int:
        """Return how many slots of a host are free."""
        worker, holdings = self.members[host]
        return self.slots(worker.name) - holdings.used

    def roomy(self, slots: int, but: str = "") -> list[str]:
        """Return the hosts that answer and have so many slots free, those with most first.

        Args:
            slots: how many.
            but: leave out this host.
        """
        able = [host for host, (worker, _) in self.members.items() if host != but and not worker.contact.failures]
        free = {host: self.free(host) for host in able if self.members[host][0].engine.machine.connected}
        return sorted((host for host in free if free[host] >= slots), key=lambda host: -free[host])


class PoolHoldings(Holdings):
    """What the runs of one host hold; of runs on several hosts also what they hold on the other ones.

    Args:
        gpus: of the host.
        host: its name.
        room: the hosts of its pool.
    """

    def __init__(self, gpus: Gpus, host: str, room: PoolRoom) -> None:
        super().__init__(gpus)
        self._host = host
        self._room = room
        self._spread: dict[str, dict[str, Any]] = {}

    def slots(self, spec: dict[str, Any]) -> int:
        """Return the slots that a run takes of this host."""
        return int(spec["slots"])

    def take(self, run_id: str, spec: dict[str, Any]) -> bool:
        """Let a run have what it needs on all its hosts; see :meth:`Holdings.take`."""
        nodes = int(spec.get("node_count", 1))
        if nodes == 1:
            return super().take(run_id, spec)
        with self._room.lock:
            taken: list[str] = []
            for host in (self._host, *self._room.roomy(self.slots(spec), but=self._host)):
                if len(taken) < nodes and self._room.members[host][1].gpus.take(run_id, {**spec, "node_count": 1}):
                    taken.append(host)
            if len(taken) < nodes or taken[0] != self._host:
                for host in taken:
                    self._room.members[host][1].gpus.let_go(run_id)
                return False
            self._hold(run_id, taken, self.slots(spec))
            self.runs[run_id] = self.slots(spec)
        return True

    def _hold(self, run_id: str, hosts: Sequence[str], slots: int) -> None:
        shares = [self._room.members[host][1].gpus.allocation(run_id) for host in hosts]
        whole: dict[str, Any] = {ON: list(hosts), "slots": slots}
        if any("gpus" in share for share in shares):
            whole["gpus"] = [share["gpus"][0] if "gpus" in share else None for share in shares]
            whole["taken"] = any(share.get("taken") for share in shares)
        if note := next((share["gpu_note"] for share in shares if "gpu_note" in share), None):
            whole["gpu_note"] = note
        self._spread[run_id] = whole
        for host in hosts[1:]:
            self._room.members[host][1].lent[run_id] = slots

    def keep(self, run_id: str, allocation: dict[str, Any]) -> None:
        """Let a run have again what it had on all its hosts; see :meth:`Holdings.keep`."""
        hosts = [host for host in allocation.get(ON, ()) if host in self._room.members]
        if not hosts:
            super().keep(run_id, allocation)
            return
        for number, host in enumerate(hosts):
            own = allocation.get("gpus", [None] * len(hosts))[number]
            share = {} if own is None else {"gpus": [own], "taken": allocation.get("taken", False)}
            self._room.members[host][1].gpus.keep(run_id, share)
        self._hold(run_id, hosts, int(allocation["slots"]))
        self._spread[run_id] = dict(allocation)

    def allocation(self, run_id: str) -> dict[str, Any]:
        """Return what a run's nodes must know of what the run holds."""
        return dict(self._spread.get(run_id) or super().allocation(run_id))

    def others(self, run_id: str) -> list[Machine]:
        """Return the further machines that a run is on."""
        hosts = self._spread.get(run_id, {}).get(ON, ())[1:]
        return [self._room.members[host][0].engine.machine for host in hosts]

    def let_go(self, run_id: str) -> None:
        """Take everything back from a run that has ended, on all its hosts."""
        super().let_go(run_id)
        for host in self._spread.pop(run_id, {}).get(ON, ())[1:]:
            holdings = self._room.members[host][1]
            holdings.gpus.let_go(run_id)
            holdings.lent.pop(run_id, None)
