"""A run on several hosts of a pool, each of which has a shim and a run directory of its own, seen as one.

The first host's run directory is that of the run: what the others write for it is brought there. Nothing is kept in
mind that is not in these directories, too, so a later service goes on where this one was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from trainshed.errors import MachineUnreachableException
from trainshed.machines.machine import ABSENT, ALIVE, ENDED, LOST, Machine, Observation
from trainshed.spec import layout, states
from trainshed.targets.pool_relay import Relay

_LONGEST = 1 << 20
_UNKNOWN = "unknown"
"""State of a part whose host does not answer."""


class PoolRun:
    """One such run.

    Args:
        run_id: the run.
        machines: the hosts, in the order of its nodes.
        addresses: by which they reach each other.
    """

    def __init__(self, run_id: str, machines: Sequence[Machine], addresses: Sequence[str]) -> None:
        self._run_id = run_id
        self._machines = machines
        self._addresses = addresses
        self._relays = [Relay(run_id, number, machines[0], each) for number, each in enumerate(machines) if number]
        self._gone = False
        self._launched: set[int] = set()
        self._told: set[int] = set()

    def observe(self, own: Observation) -> Observation:
        """Return what is seen of the run as a whole; pass on what its hosts have to tell each other.

        Args:
            own: what is seen of the first host's part.
        """
        try:
            return own if own.state == ABSENT else self._observe(own)
        except MachineUnreachableException:
            return Observation(ALIVE)  # as far as is known

    def _observe(self, own: Observation) -> Observation:
        if own.state in (ENDED, LOST) and (verdict := self._read(0, layout.POOL_VERDICT)):
            return Observation(*json.loads(verdict))
        parts = [own, *(self._look(number) for number in range(1, len(self._machines)))]
        if own.state in (ENDED, LOST):
            # A part that was never begun will not begin any more.
            parts = [part._replace(state=ENDED) if part.state == ABSENT else part for part in parts]
        for relay, part in zip(self._relays, parts[1:], strict=True):
            if part.state in (ALIVE, ENDED):
                relay.follow()
        if all(part.state == ALIVE for part in parts):
            self._agree()
            self._launch()
        failed = any(map(_failed, parts))
        if failed or (own.state == ALIVE and self._read(0, layout.POOL_ENDING) is not None):
            self._end(parts, failed, because_of_failure=True)
        elif any(part.exit.get("outcome") == "canceled" for part in parts):
            self._end(parts, True, because_of_failure=False)
        if any(part.state in (ALIVE, ABSENT, _UNKNOWN) for part in parts):
            return Observation(ALIVE)
        return self._over(parts)

    def _look(self, number: int) -> Observation:
        try:
            return self._machines[number].look([self._run_id])[self._run_id]
        except MachineUnreachableException:
            return Observation(_UNKNOWN)

    def _read(self, number: int, name: str) -> str | None:
        path = f"{layout.POOL}/{name}"
        return self._machines[number].read(self._run_id, [(path, 0, _LONGEST)])[0].decode() or None

    def _agree(self) -> None:
        """Once all hosts are prepared, tell each what all have told."""
        if self._gone:
            return
        told = [self._read(number, layout.POOL_READY) for number in range(len(self._machines))]
        ready = [text for text in told if text is not None]
        if len(ready) == len(told):
            for machine in reversed(self._machines):
                machine.tell(self._run_id, layout.POOL_GO, f"[{','.join(ready)}]")
            self._gone = True

    def _launch(self) -> None:
        """Hand the commands of mpirun's daemons to their hosts."""
        for number in range(1, len(self._machines)):
            if self._gone and number not in self._launched:
                command = self._read(0, f"launch-{self._addresses[number]}")
                if command is not None:
                    self._machines[number].tell(self._run_id, layout.POOL_LAUNCH, command)
                    self._launched.add(number)

    def _end(self, parts: Sequence[Observation], first_too: bool, because_of_failure: bool) -> None:
        """End the parts that go on although another has ended otherwise than well."""
        for number, part in enumerate(parts):
            if part.state in (ALIVE, ABSENT) and number not in self._told and (number or first_too):
                if because_of_failure:
                    self._machines[number].tell(self._run_id, layout.POOL_ENDING, ".")
                self._machines[number].end([self._run_id])
                self._told.add(number)

    def _over(self, parts: Sequence[Observation]) -> Observation:
        """Bring everything to the first host, and return how the run ended; the other parts are deleted then."""
        for relay, part in zip(self._relays, parts[1:], strict=True):
            relay.complete(part.exit.get("reason") in states.IN_BUILD_LOG)
        how = _verdict(parts)
        self._machines[0].tell(self._run_id, layout.POOL_VERDICT, json.dumps(list(how)))
        for machine in self._machines[1:]:
            machine.remove(self._run_id)
        return how


def _failed(part: Observation) -> bool:
    return part.state == LOST or (part.state == ENDED and part.exit.get("outcome") == "failed")


def _verdict(parts: Sequence[Observation]) -> Observation:
    """Return the end of the part that has failed by itself, first; else that of the first host."""
    failed = [*filter(_failed, parts)]
    named = sorted((part for part in failed if part.exit.get("rank")), key=lambda part: float(part.exit["rank_time"]))
    known = [part for part in failed if part.exit and part.exit["reason"] != "launch_failed"]
    other = [part for part in parts if part.exit.get("outcome") == "canceled"]
    return (named or known or failed or other or parts)[0]


def facts_for(number: int, hosts: Sequence[str], addresses: Sequence[str]) -> dict[str, Any]:
    """Return what a host must know of a run on several: see :class:`trainshed.node.pool.PoolPart`."""
    return {"node": number, "hosts": list(hosts), "addresses": list(addresses)}
