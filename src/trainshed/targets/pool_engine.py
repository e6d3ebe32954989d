"""The engine of one host of a pool: shims, and for runs of several nodes shims on other hosts as well."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from trainshed.errors import MachineUnreachableException, ServiceException
from trainshed.machines.machine import ALIVE, Machine, Observation
from trainshed.targets.engine import Accepted, Job
from trainshed.targets.pool_run import PoolRun, facts_for
from trainshed.targets.shim_engine import ShimEngine

ON = "on"
"""In what a run is allocated: the hosts of its nodes."""
_AT = "@"
"""In a native id, before the names of the hosts."""
_TRIES = 2
_MOST_WAIT = 2.0
"""Seconds that a look at other hosts may hold up what the runs of this host alone have to tell."""
_MOST_AT_ONCE = 64


class PoolEngine(ShimEngine):
    """Shims on one host, which is the first one of those runs that are on several.

    Args:
        machine: the host.
        others: returns the machine of another host of the pool.
        address: returns by which address the other hosts reach one.
        let_go: called with nothing when the engine is closed.

    Attributes:
        left: hosts on which runs that have ended may have left something, because they did not answer then.
    """

    def __init__(
        self,
        machine: Machine,
        others: Callable[[str], Machine],
        address: Callable[[str], str],
        let_go: Callable[[], None],
    ) -> None:
        super().__init__(machine)
        self._others = others
        self._address = address
        self._let_go = let_go
        self._together: dict[str, PoolRun] = {}
        self._threads = ThreadPoolExecutor(_MOST_AT_ONCE, "hosts of a run")
        self._looks: dict[str, Future[Observation]] = {}
        self._lock = threading.Lock()
        self.left: set[str] = set()

    def submit(self, job: Job, accepted: Accepted, /) -> None:
        """Start a shim on each host of the run; see :meth:`Engine.submit`."""
        hosts: Sequence[str] = job.record["node_context"].get(ON, ())
        if not hosts:
            super().submit(job, accepted)
            return
        machines, addresses = self._machines(hosts), [self._address(host) for host in hosts]
        _check_addresses(hosts, addresses)
        records = [_record(job, number, hosts, addresses, each) for number, each in enumerate(machines)]
        others = [
            _reached(each.prepare, job.run_id, record, job.private)
            for each, record in zip(machines[1:], records[1:], strict=True)
        ]
        natives = [self.machine.prepare(job.run_id, records[0], job.private), *others]
        if not accepted(f"{natives[0]}{_AT}{','.join(hosts)}"):
            self._end(job.run_id, machines)
            return
        for machine, record, native in zip(machines[1:], records[1:], natives[1:], strict=True):
            _reached(_start, machine, job, record, native)
        _start(self.machine, job, records[0], natives[0])

    def _machines(self, hosts: Sequence[str]) -> list[Machine]:
        return [self.machine, *map(self._others, hosts[1:])]

    def poll(self, native_ids: Mapping[str, str], /) -> dict[str, Observation]:
        """Look at all runs of this host, and at what other hosts do for some of them; see :meth:`Engine.poll`."""
        seen = self.machine.look({run_id: native_id.partition(_AT)[0] for run_id, native_id in native_ids.items()})
        looks = [
            self._look(run_id, hosts, seen[run_id])
            for run_id, native_id in native_ids.items()
            if (hosts := spread_over(native_id))
        ]
        wait([look for look, is_new in looks if is_new], _MOST_WAIT)
        for run_id, native_id in native_ids.items():
            if hosts := spread_over(native_id):
                seen[run_id] = self._seen(run_id, hosts)
        return seen

    def _look(self, run_id: str, hosts: Sequence[str], own: Observation) -> tuple[Future[Observation], bool]:
        """Begin to look at what other hosts do for a run, unless that is being done: a host may hang."""
        with self._lock:
            look = self._looks.get(run_id)
            if look is not None:
                return look, False
            look = self._looks[run_id] = self._threads.submit(lambda: self._run(run_id, hosts).observe(own))
        return look, True

    def _seen(self, run_id: str, hosts: Sequence[str]) -> Observation:
        run = self._run(run_id, hosts)
        with self._lock:
            look = self._looks.get(run_id)
            if look is None or not look.done():
                return Observation(ALIVE, reason=run.silence)
            del self._looks[run_id]
        seen = look.result()
        if seen.state != ALIVE:
            self.left |= set(run.left)
            self._together.pop(run_id, None)
        return seen

    def _run(self, run_id: str, hosts: Sequence[str]) -> PoolRun:
        with self._lock:
            if run_id not in self._together:
                machines, addresses = self._machines(hosts), [self._address(host) for host in hosts]
                self._together[run_id] = PoolRun(run_id, hosts, machines, addresses)
            return self._together[run_id]

    def cancel(self, native_ids: Mapping[str, str], /) -> None:
        """Ask the shims on all hosts; see :meth:`Engine.cancel`."""
        for run_id, native_id in native_ids.items():
            hosts = spread_over(native_id) or [""]
            if len(hosts) > 1:
                self._run(run_id, hosts).give_up()
            self._end(run_id, self._machines(hosts))

    def _end(self, run_id: str, machines: Sequence[Machine]) -> None:
        machines[0].end([run_id])
        for machine in machines[1:]:
            with contextlib.suppress(MachineUnreachableException):  # it is told once it answers
                machine.end([run_id])

    def close(self) -> None:
        """Let go of the other hosts; see :meth:`Engine.close`."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._let_go()


def _check_addresses(hosts: Sequence[str], addresses: Sequence[str]) -> None:
    for host, address in zip(hosts, addresses, strict=True):
        if address in ("localhost", "::1") or address.startswith("127."):
            raise ServiceException(
                f"A run on several hosts needs an address by which they reach each other, and that of '{host}' is "
                f"{address}, which leads a host to itself. Attach the pool with addresses={{'{host}': '…'}}."
            )


def spread_over(native_id: str) -> list[str]:
    """Return the names of the hosts of a run on several, the first one first; nothing for a run on one.

    Example:
        >>> spread_over("17:4711@h1,h2")
        ['h1', 'h2']
    """
    names = native_id.partition(_AT)[2]
    return names.split(",") if names else []


def _record(job: Job, number: int, hosts: Sequence[str], addresses: Sequence[str], machine: Machine) -> dict[str, Any]:
    """Return the content of ``spec.json`` for one host."""
    context = job.record["node_context"]
    variables = dict(context["environment_variables"])
    if number and "TRAINSHED_SERVICE" in variables:
        variables["TRAINSHED_SERVICE"] = str(_reached(machine.facts).get("service"))
    pool = facts_for(number, hosts, addresses, variables.get("TRAINSHED_SERVICE", ""))
    own = {"pool": pool, "environment_variables": variables}
    return {**job.record, "node_context": {**context, **own}}


def _start(machine: Machine, job: Job, record: dict[str, Any], native: str) -> None:
    for _ in range(_TRIES):
        if machine.start(job.run_id, native):
            return
        native = machine.prepare(job.run_id, record, job.private)
    raise ServiceException(f"{_TRIES} shims in a row ended before they took the run; service.log may say why.")


def _reached(call: Callable[..., Any], *args: Any) -> Any:
    """Call a machine; one that does not answer fails the run, and is no reason to give up the first host."""
    try:
        return call(*args)
    except MachineUnreachableException as error:
        raise ServiceException(error.message) from error
