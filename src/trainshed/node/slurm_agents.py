"""The rank agents of a job on several nodes, one on each, which are started as soon as the job begins.

``srun`` takes about as long to start them as the shim takes to prepare the run. They wait for their orders, see
:mod:`trainshed.node.waiting_agent`.
"""

from __future__ import annotations

import os
import sys
import time

from trainshed.errors import TYPE_CHECKING
from trainshed.node import fields, script, slurm
from trainshed.node.logs import make_log
from trainshed.node.pool import LAUNCH_AGENT, RANKS
from trainshed.node.rank_events import ENVIRONMENT, GO, RankEvents
from trainshed.spec import layout
from trainshed.system import files

if TYPE_CHECKING:
    from typing import Mapping, Optional

_PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rank_agent.py")
_SECONDS, _PAUSE = 5.0, 0.01
_INPUT = "input"
_TO_AGENTS = f"""#!/bin/sh
while [ "${{1#-}}" != "$1" ]; do shift; done  # options of ssh
host=$1
shift
printf '%s %s\\n' "$host" "$*" >"${RANKS}/{_INPUT}"
"""


class SlurmAgents:
    """The agents, as seen by the shim, which is the parent of their ``srun``.

    Args:
        run_dir: the run directory.

    Attributes:
        hosts: names of the job's nodes, this one first.
    """

    def __init__(self, run_dir: str) -> None:
        self._run_dir = run_dir
        self._folder = os.path.join(run_dir, layout.RANKS)
        self._environ = {**os.environ, "TRAINSHED_RUN_ID": os.path.basename(run_dir)}
        self._pid = 0
        self._input = -1
        self._failure: Optional[OSError] = None
        try:
            self._start()
        except OSError as error:
            self._failure = error  # to be told once the run is claimed
        self.hosts = slurm.hosts()

    def _start(self) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        make_log(self._run_dir, layout.DRIVER_LOG, layout.STD_LOG)
        events, orders = RankEvents(self._folder), os.path.join(self._folder, _INPUT)
        events.make()
        events.listen()  # else srun could not open it
        os.mkfifo(orders, 0o600)
        # Opened for reading too, so as not to wait for the reader.
        self._input = os.open(orders, os.O_RDWR | os.O_CLOEXEC)
        argv = (*slurm.spread(), sys.executable, "-S", "-E", _PROGRAM, self._folder, "waiting")
        log = os.path.join(self._run_dir, layout.DRIVER_LOG)
        self._pid = script.start(argv, self._environ, "/", log, (orders, events.path))

    def go(self, environ: Mapping[str, str], forwards: bool) -> int:
        """Have them carry out the orders, which have been written.

        Args:
            environ: the complete environment of the run on this node; what the run does not change is on the other
                nodes as the job has it there.
            forwards: ``mpirun`` starts the ranks' environment forwarders.

        Returns:
            The pid of ``srun``.

        Raises:
            OSError: they could not be started.
        """
        if self._failure:
            raise self._failure
        changed = [(name, value) for name, value in environ.items() if self._environ.get(name) != value]
        pairs = [("variable", f"{name}={value}") for name, value in changed]
        pairs += [("without", name) for name in self._environ if name not in environ]
        pairs += [("forwarders", "yes")] if forwards else []
        fields.write(os.path.join(self._folder, ENVIRONMENT), pairs)
        os.write(self._input, GO)
        return self._pid

    def let_go(self) -> None:
        """Close what they read, at the end of which they end their ranks."""
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def dismiss(self) -> None:
        """Have them exit before they have been given any rank, and wait until they have."""
        self.let_go()
        deadline = time.monotonic() + _SECONDS
        while self._pid and time.monotonic() < deadline:
            try:
                if os.waitpid(self._pid, os.WNOHANG)[0]:
                    return
            except ChildProcessError:
                return
            time.sleep(_PAUSE)


def write_launch_agent(folder: str) -> None:
    """Write the program that ``mpirun`` calls in place of ssh: it tells the agents the command of a node's daemon.

    Args:
        folder: the folder of the ranks' orders, which is on mpirun's PATH.
    """
    files.write(os.path.join(folder, LAUNCH_AGENT), _TO_AGENTS, 0o700)
