"""A run on several hosts of a pool, each of which has a shim and a run directory of its own, seen as one.

The first host's run directory is that of the run: what the others write for it is brought there. Nothing is kept in
mind that is not in these directories, too, so a later service goes on where this one was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from trainshed.errors import MachineAccessException, MachineUnreachableException
from trainshed.machines.machine import ABSENT, ALIVE, ENDED, LOST, Machine, Observation
from trainshed.spec import layout, states
from trainshed.targets.pool_relay import Relay

_LONGEST = 1 << 20
_PAUSE, _A_MOMENT = 0.02, 0.3
_UNKNOWN = "unknown"
"""State of a part whose host does not answer."""


class PoolRun:
    """One such run.

    Args:
        run_id: the run.
        hosts: names of its hosts, in the order of its nodes.
        machines: the hosts.
        addresses: by which they reach each other.

    Attributes:
        left: hosts that had not answered when the run ended, and may still have something of it.
    """

    def __init__(
        self, run_id: str, hosts: Sequence[str], machines: Sequence[Machine], addresses: Sequence[str]
    ) -> None:
        self._run_id = run_id
        self._hosts = hosts
        self._machines = machines
        self._addresses = addresses
        self._relays = [Relay(run_id, number, machines[0], each) for number, each in enumerate(machines) if number]
        self._gone = False
        self._known = 0
        self._launched: set[int] = set()
        self._told: set[int] = set()
        self._asked: dict[int, float] = {}
        self._silent: dict[int, MachineUnreachableException] = {}
        self._given_up = False
        self.left: tuple[str, ...] = ()

    def give_up(self) -> None:
        """End the run without those hosts that do not answer: it was cancelled."""
        self._given_up = True

    @property
    def silence(self) -> str:
        """Why nothing is known of a part of the run, as a sentence, if that lasts; ``""`` if all hosts answer."""
        numbers = [number for number in sorted(self._asked) if self._is_silent(number)]
        known = (self._silent[number].message for number in numbers if number in self._silent)
        return next(known, f"Machine '{self._hosts[numbers[0]]}' does not answer." if numbers else "")

    def _is_silent(self, number: int) -> bool:
        asked = self._asked.get(number)
        lasts = isinstance(self._silent.get(number), MachineAccessException)
        return asked is not None and (lasts or time.monotonic() - asked >= self._machines[number].patience)

    def observe(self, own: Observation) -> Observation:
        """Return what is seen of the run as a whole; pass on what its hosts have to tell each other.

        Args:
            own: what is seen of the first host's part.
        """
        try:
            return own if own.state == ABSENT else self._observe(own)
        except MachineUnreachableException:
            return Observation(ALIVE, reason=self.silence)  # as far as is known

    def _observe(self, own: Observation) -> Observation:
        if own.state in (ENDED, LOST) and (verdict := self._read(0, layout.POOL_VERDICT)):
            return Observation(*json.loads(verdict))
        parts = [own, *(self._look(number) for number in range(1, len(self._machines)))]
        over = own.state in (ENDED, LOST)
        if over:
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
        given_up = self._given_up and over
        left = [number for number, part in enumerate(parts) if given_up and self._is_left(number, part)]
        if any(part.state in (ALIVE, ABSENT, _UNKNOWN) for number, part in enumerate(parts) if number not in left):
            return Observation(ALIVE, reason=self.silence)
        return self._over(parts, left)

    def _is_left(self, number: int, part: Observation) -> bool:
        return part.state == _UNKNOWN and self._is_silent(number)

    def _look(self, number: int) -> Observation:
        self._asked.setdefault(number, time.monotonic())
        try:
            seen = self._machines[number].look([self._run_id])[self._run_id]
        except MachineUnreachableException as error:
            self._silent[number] = error
            return Observation(_UNKNOWN)
        self._silent.pop(number, None)
        self._asked.pop(number, None)
        return seen

    def _read(self, number: int, name: str) -> str | None:
        path = f"{layout.POOL}/{name}"
        return self._machines[number].read(self._run_id, [(path, 0, _LONGEST)])[0].decode() or None

    def _agree(self) -> None:
        """Once all hosts are prepared, tell each what all have told."""
        if self._gone:
            return
        ready = self._ready()
        if len(ready) > self._known:
            # The others are often a moment later.
            self._known, until = len(ready), time.monotonic() + _A_MOMENT
            while len(ready) < len(self._machines) and time.monotonic() < until:
                time.sleep(_PAUSE)
                ready = self._ready()
        if len(ready) == len(self._machines):
            for machine in reversed(self._machines):
                machine.tell(self._run_id, layout.POOL_GO, f"[{','.join(ready)}]")
            self._gone = True

    def _ready(self) -> list[str]:
        told = [self._read(number, layout.POOL_READY) for number in range(len(self._machines))]
        return [text for text in told if text is not None]

    def _launch(self) -> None:
        """Hand the commands of mpirun's daemons to their hosts."""
        for number in range(1, len(self._machines)):
            if self._gone and number not in self._launched:
                command = self._read(0, f"launch-{self._addresses[number]}")
                if command is not None:
                    self._machines[number].tell(self._run_id, layout.POOL_LAUNCH, command)
                    self._launched.add(number)

    def _end(self, parts: Sequence[Observation], first_too: bool, because_of_failure: bool) -> None:
        """End the parts that go on although another has ended otherwise than well, and what lost ones have left."""
        for number, part in enumerate(parts):
            goes_on = part.state in (ALIVE, ABSENT) or (part.state == LOST and number > 0)
            if goes_on and number not in self._told and (number or first_too):
                if because_of_failure:
                    self._machines[number].tell(self._run_id, layout.POOL_ENDING, ".")
                self._machines[number].end([self._run_id])
                self._told.add(number)

    def _over(self, parts: Sequence[Observation], left: Sequence[int]) -> Observation:
        """Bring everything to the first host, and return how the run ended; the other parts are deleted then."""
        self.left = tuple(self._hosts[number] for number in left)
        for number, relay in enumerate(self._relays, 1):
            if number not in left:
                relay.complete(parts[number].exit.get("reason") in states.IN_BUILD_LOG)
        named = [_with_host(part, number, self._hosts[number]) for number, part in enumerate(parts)]
        how = _verdict(named)
        if left and how.exit:
            how = how._replace(exit={**how.exit, "left_on": self.left})
        self._machines[0].tell(self._run_id, layout.POOL_VERDICT, json.dumps(list(how)))
        for number, machine in enumerate(self._machines):
            if number and number not in left:
                machine.remove(self._run_id)
        return how


def _failed(part: Observation) -> bool:
    return part.state == LOST or (part.state == ENDED and part.exit.get("outcome") == "failed")


def _with_host(part: Observation, number: int, host: str) -> Observation:
    """Return what is seen of a lost part as an end that names its host."""
    if part.state != LOST or part.exit or not (number or part.rebooted):
        return part  # of the first host, its worker also ends what the shim has left
    how = {"outcome": "failed", "reason": "host_lost", "witness": "boot id", "phase": "Running", "time": time.time()}
    how["message"] = f"Host '{host}' of the pool went down while the run was running on it."
    if not part.rebooted:
        end = part.reason or "was killed"
        told = f"The process that supervised the run on host '{host}' {end}; all that the run had started was ended."
        how.update(reason="shim_lost", witness="processes", message=told)
    return part._replace(state=ENDED, exit=how)


def _verdict(parts: Sequence[Observation]) -> Observation:
    """Return the end of the part that has failed by itself, first; else that of the first host."""
    down = [part for part in parts if part.rebooted]  # why others have failed, if they have
    if down:
        return down[0]
    failed = [*filter(_failed, parts)]
    named = sorted((part for part in failed if part.exit.get("rank")), key=lambda part: float(part.exit["rank_time"]))
    known = [part for part in failed if part.exit and part.exit["reason"] != "launch_failed"]
    other = [part for part in parts if part.exit.get("outcome") == "canceled"]
    return (named or known or failed or other or parts)[0]


def facts_for(number: int, hosts: Sequence[str], addresses: Sequence[str], service: str) -> dict[str, Any]:
    """Return what a host must know of a run on several: see :class:`trainshed.node.pool.PoolPart`."""
    return {"node": number, "hosts": list(hosts), "addresses": list(addresses), "service": service}
