"""The machines that this service can reach: its own, and one for each configured command."""

from __future__ import annotations

import platform
import sys
import threading
import zlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from trainshed.machines.agent import Agent
from trainshed.machines.connection import Reach
from trainshed.machines.kit import Kit, make
from trainshed.machines.machine import Machine, OnEnd
from trainshed.machines.remote import RemoteMachine


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
        self._made: dict[str, RemoteMachine] = {}
        # By host and path, too: workspaces of other machines may have the same name in the same home there.
        self._workspace = f"{root.name}-{zlib.crc32(f'{platform.node()}:{root}'.encode()):08x}"
        # A shim starts without its Python's packages, but some of them help it to build environments.
        sites = [path for path in sys.path if path.endswith("-packages")]
        self.here = Agent(str(root), {"home": str(home), "runtime": str(runtime), "sites": sites}, on_end)

    def reach(self, name: str, connect: Sequence[str], patience: float, /, keep: bool = True) -> Machine:
        """Return the machine that a command reaches; see :meth:`trainshed.targets.kind.Machines.reach`."""
        # A trial must not take the place of the agent that runs depend on.
        workspace = self._workspace if keep else f"{self._workspace}-trial"
        reach = Reach(name, tuple(connect), workspace, ("127.0.0.1", self._port), patience)
        with self._lock:
            if not keep:
                return RemoteMachine(reach, lambda: self._kit, self._on_end)
            if name not in self._made or self._made[name].closed:
                self._made[name] = RemoteMachine(reach, lambda: self._kit, self._on_end)
            return self._made[name]

    @cached_property
    def _kit(self) -> Kit:
        return make(self._runtime)

    def close(self) -> None:
        """Close all machines; runs continue."""
        for machine in self._made.values():
            machine.close()
        self.here.close()
