"""The engine of one host of a pool: shims, and for runs of several nodes shims on other hosts as well."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


class PoolEngine(ShimEngine):
    """Shims on one host, which is the first one of those runs that are on several.

    Args:
        machine: the host.
        others: returns the machine of another host of the pool.
        address: returns by which address the other hosts reach one.
        let_go: called with nothing when the engine is closed.
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

    def submit(self, job: Job, accepted: Accepted, /) -> None:
        """Start a shim on each host of the run; see :meth:`Engine.submit`."""
        hosts: Sequence[str] = job.record["node_context"].get(ON, ())
        if not hosts:
            super().submit(job, accepted)
            return
        machines, addresses = self._machines(hosts), [self._address(host) for host in hosts]
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
        for run_id, native_id in native_ids.items():
            if hosts := _hosts(native_id):
                seen[run_id] = self._run(run_id, hosts).observe(seen[run_id])
                if seen[run_id].state != ALIVE:
                    self._together.pop(run_id, None)
        return seen

    def _run(self, run_id: str, hosts: Sequence[str]) -> PoolRun:
        if run_id not in self._together:
            machines, addresses = self._machines(hosts), [self._address(host) for host in hosts]
            self._together[run_id] = PoolRun(run_id, machines, addresses)
        return self._together[run_id]

    def cancel(self, native_ids: Mapping[str, str], /) -> None:
        """Ask the shims on all hosts; see :meth:`Engine.cancel`."""
        for run_id, native_id in native_ids.items():
            self._end(run_id, self._machines(_hosts(native_id) or [""]))

    def _end(self, run_id: str, machines: Sequence[Machine]) -> None:
        silent: MachineUnreachableException | None = None
        for machine in machines:
            try:
                machine.end([run_id])
            except MachineUnreachableException as error:
                silent = error
        if silent is not None:
            raise silent

    def close(self) -> None:
        """Let go of the other hosts; see :meth:`Engine.close`."""
        self._let_go()


def _hosts(native_id: str) -> list[str]:
    names = native_id.partition(_AT)[2]
    return names.split(",") if names else []


def _record(job: Job, number: int, hosts: Sequence[str], addresses: Sequence[str], machine: Machine) -> dict[str, Any]:
    """Return the content of ``spec.json`` for one host."""
    context = job.record["node_context"]
    variables = dict(context["environment_variables"])
    if number and "TRAINSHED_SERVICE" in variables:
        variables["TRAINSHED_SERVICE"] = str(_reached(machine.facts).get("service"))
    own = {"pool": facts_for(number, hosts, addresses), "environment_variables": variables}
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
