"""Tries to reach targets, also such as are not there yet. A try may take minutes, and is asked about meanwhile."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from typing import Any, NamedTuple

from trainshed.errors import ComputeTargetException, MachineUnreachableException, ServiceException
from trainshed.machines.machine import Machine
from trainshed.service.machines import ServiceMachines
from trainshed.targets.registry import kind_of
from trainshed.targets.shared_folders import check_seen

_SECONDS = 1.0
_AT_ONCE = 8


class _Try(NamedTuple):
    machine: Machine
    facts: Future[dict[str, Any]]


class TargetChecks:
    """The tries that have begun.

    Args:
        machines: what the targets can be on.
    """

    def __init__(self, machines: ServiceMachines) -> None:
        self._machines = machines
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="check")
        self._begun: dict[str, _Try] = {}
        self._lock = threading.Lock()

    def look(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return ``{"facts": what the machine has}``, or after a second ``{"doing": what takes its time}``.

        The connection is kept until :meth:`done`, so that a target which is made now takes it over.

        Args:
            record: of the target.

        Raises:
            ComputeTargetException: its machine cannot be used; the sentence says what to mend.
        """
        key = json.dumps(record, sort_keys=True)
        with self._lock:
            if key not in self._begun:
                machine = kind_of(record).engine(record, self._machines).machine
                machine.try_again()
                self._begun[key] = _Try(machine, self._pool.submit(self._ask, machine, record.get("shared", ())))
            machine, facts = self._begun[key]
        try:
            return {"facts": facts.result(_SECONDS)}
        except NotYet:
            return {"doing": machine.doing or "connecting"}
        except ServiceException as error:
            raise ComputeTargetException(error.message) from error
        finally:
            if facts.done() and facts.exception() is not None:
                self.done(record)

    def share_folder(self, records: Sequence[dict[str, Any]], folder: str) -> bool:
        """Tell whether several machines, whose tries have ended well, see the same folder under a path.

        Args:
            records: of the targets.
            folder: the path.
        """
        first, *others = (self._begun[json.dumps(record, sort_keys=True)].machine for record in records)
        mark = f"{folder}/mark-{secrets.token_hex(8)}"
        first.run(["touch", mark])
        try:
            return any(each.run(["test", "-e", mark]).code == 0 for each in others)
        finally:
            first.run(["rm", "-f", mark])

    def _ask(self, machine: Machine, shared: Sequence[str]) -> dict[str, Any]:
        facts = machine.facts()
        for folder in shared:
            check_seen(machine, facts["host"], folder)
        try:
            return {**facts, "free": _free(machine, facts["home"])}
        except MachineUnreachableException:  # the connection that was kept had broken without our knowledge
            return {**machine.facts(), "free": _free(machine, facts["home"])}

    def done(self, record: dict[str, Any]) -> None:
        """Let go of the machine of a try that has ended."""
        with self._lock:
            made = self._begun.pop(json.dumps(record, sort_keys=True), None)
        if made is not None:
            self._machines.release(made.machine)

    def close(self) -> None:
        """Begin no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _free(machine: Machine, folder: str) -> int:
    """Return the bytes that are free where Trainshed's folder is."""
    lines = machine.run(["df", "-Pk", folder]).out.splitlines()
    return int(lines[-1].split()[3]) << 10 if len(lines) > 1 else 0
