"""The machines that this service can reach: its own, and those elsewhere, each with one connection."""

from __future__ import annotations

import platform
import sys
import threading
import zlib
from collections import Counter
from functools import cached_property
from pathlib import Path

from trainshed.machines.agent import Agent
from trainshed.machines.connection import Reach
from trainshed.machines.kit import Kit, make
from trainshed.machines.machine import Machine, OnEnd
from trainshed.machines.remote import RemoteMachine
from trainshed.machines.ways import Place, Way

_ANYWHERE = Place()


class ServiceMachines:
    """Creates machines and keeps them.

    Args:
        root: the workspace folder.
        home: Trainshed's home on this machine.
        runtime: the tree put on a script's PYTHONPATH.
        port: port of the service's API, for scripts on other machines.
        on_end: called with a run's id when its shim has ended, on whatever machine.

    Attributes:
        here: this machine.
    """

    here: Machine

    def __init__(self, root: Path, home: Path, runtime: Path, port: int, on_end: OnEnd) -> None:
        self._root = root
        self._runtime = runtime
        self._port = port
        self._on_end = on_end
        self._lock = threading.Lock()
        self._made: dict[Reach, RemoteMachine] = {}
        self._users: Counter[int] = Counter()
        # By host and path, too: workspaces of other machines may have the same name in the same home there.
        self._workspace = f"{root.name}-{zlib.crc32(f'{platform.node()}:{root}'.encode()):08x}"
        # A shim starts without its Python's packages, but some of them help it to build environments.
        sites = [path for path in sys.path if path.endswith("-packages")]
        self.here = Agent(str(root), {"home": str(home), "runtime": str(runtime), "sites": sites}, on_end)

    def reach(self, way: Way, patience: float, place: Place = _ANYWHERE, /, trial: bool = False) -> Machine:
        """Return the machine at the end of a way; see :meth:`trainshed.targets.kind.Machines.reach`."""
        # A trial must not take the place of the agent that runs depend on.
        workspace = f"{self._workspace}-trial" if trial else self._workspace
        workspace += f"-{place.apart}" if place.apart else ""
        reach = Reach(way, workspace, ("127.0.0.1", self._port), patience, place)
        with self._lock:
            if reach not in self._made or self._made[reach].closed:
                self._made[reach] = RemoteMachine(reach, lambda: self._kit, self._on_end)
            self._users[id(self._made[reach])] += 1
            return self._made[reach]

    def release(self, machine: Machine, /) -> None:
        """Let go of a machine; without users its connection is closed."""
        with self._lock:
            self._users[id(machine)] -= 1
            if self._users[id(machine)] > 0 or machine is self.here:
                return
            self._made = {reach: each for reach, each in self._made.items() if each is not machine}
            del self._users[id(machine)]
        machine.close()

    @cached_property
    def _kit(self) -> Kit:
        return make(self._runtime)

    def close(self) -> None:
        """Close all machines; runs continue."""
        for machine in self._made.values():
            machine.close()
        self.here.close()
