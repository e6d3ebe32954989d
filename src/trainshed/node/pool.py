"""One host's part in a run that is on several hosts, none of which can log in to another.

Each has a shim and a run directory of its own. What they must know of each other is in small files of its folder
``pool``, which the service passes on: ``ready`` is what a host tells once it is prepared, ``go`` is what all have told.
mpirun's command for the daemon of another host goes the same way, see :mod:`trainshed.node.launch_agent`.
"""

from __future__ import annotations

import os
import time

from trainshed.errors import TYPE_CHECKING
from trainshed.spec import layout
from trainshed.system import confined, files, jsons

if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Tuple

RANK_OF = "TRAINSHED_RANK_OF"
"""In the environment of ranks that mpirun's daemons start, and of nothing else: the run."""
RANKS = "TRAINSHED_RANKS"
"""In the environment of mpirun and its daemons: the folder of the orders of this host's ranks."""
RANK_AGENT = ("/bin/sh", "-c", f'exec "${RANKS}/rank_agent"')
"""What mpirun starts for each rank: the same on all hosts, whose folders and Pythons may be in different places."""
LAUNCH_AGENT = "trainshed-launch"
"""Name of the program that mpirun calls in place of ssh."""
NEWS = b"NEWS "
"""Begins what is sent to the agent's socket to have a run looked at; no request of HTTP begins so."""
_SERVICE = "TRAINSHED_SERVICE"
_PAUSE = 0.02
_LONGEST = 1 << 20


class PoolPart:
    """This host's part.

    Args:
        run_dir: the run directory.
        facts: ``{"node", "hosts", "addresses", "service"}``: which of the run's nodes this one is, the name and address
            of each, and the address of the service's API.

    Attributes:
        node: its number.
        addresses: by which the hosts reach each other.
    """

    def __init__(self, run_dir: str, facts: Mapping[str, Any]) -> None:
        self._run_dir = run_dir
        self._folder = os.path.join(run_dir, layout.POOL)
        self._service = str(facts.get("service", ""))
        self.node = int(facts["node"])
        self.addresses: Tuple[str, ...] = tuple(facts["addresses"])

    def agree(self, own: Mapping[str, Any]) -> List[Dict[str, Any]]:
        """Tell the others something, and return what each has told, once all are prepared."""
        self._tell(layout.POOL_READY, jsons.dumps(own))
        told: List[Dict[str, Any]] = jsons.loads(self._wait(layout.POOL_GO))
        return told

    def daemon(self, mpirun: str) -> str:
        """Return the shell command of mpirun's daemon on this host, once mpirun has asked for it.

        Args:
            mpirun: path of the mpirun of this host.
        """
        first: str = jsons.loads(self._wait(layout.POOL_GO))[0]["mpirun"]
        there, here = (os.path.dirname(os.path.dirname(path)) for path in (first, mpirun))
        command = self._wait(layout.POOL_LAUNCH)
        if there != here and len(there) > 1:
            command = command.replace(f"{there}/", f"{here}/").replace(f"={there};", f"={here};")
        # It must not go to the background: the shim waits for it.
        return command.replace(" --daemonize", "")

    def tell_failure(self) -> None:
        """Have the others ended."""
        self._tell(layout.POOL_ENDING, ".")

    @property
    def told_to_end(self) -> bool:
        """Whether another host's failure has ended this part."""
        return os.path.exists(os.path.join(self._folder, layout.POOL_ENDING))

    def _tell(self, name: str, text: str) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        files.write(os.path.join(self._folder, name), text)
        tell_news(self._service, os.path.basename(self._run_dir))

    def _wait(self, name: str) -> str:
        path = os.path.join(layout.POOL, name)
        while not os.path.lexists(os.path.join(self._run_dir, path)):
            time.sleep(_PAUSE)
        return confined.read_inside(self._run_dir, path, 0, _LONGEST).decode()


def tell_news(service: str, run_id: str) -> None:
    """Have the service look at a run now; if it cannot be told, it does so a moment later.

    Args:
        service: address of its API, ``unix:`` and the path of the agent's socket.
        run_id: the run.
    """
    import socket  # only runs on several hosts need it

    kind, _, path = service.partition(":")
    if kind != "unix":
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            line.settimeout(1.0)
            line.connect(path)
            line.sendall(NEWS + run_id.encode() + b"\n")
        except OSError:
            return


def part_of(run_dir: str, node_context: Mapping[str, Any]) -> Optional[PoolPart]:
    """Return this host's part in a run on several hosts; None for a run on one.

    Args:
        run_dir: the run directory.
        node_context: the part of ``spec.json`` that describes this machine.
    """
    facts = node_context.get("pool")
    return PoolPart(run_dir, facts) if facts else None


def write_programs(folder: str, run_dir: str, agent: Tuple[str, ...]) -> None:
    """Write the programs that mpirun starts.

    Args:
        folder: the folder of the ranks' orders, which is on mpirun's PATH.
        run_dir: the run directory.
        agent: argv of the rank agent on this host.
    """
    import shlex  # only runs on several hosts need it

    launch = os.path.join(os.path.dirname(os.path.abspath(__file__)), "launch_agent.py")
    programs = {
        "rank_agent": (*agent, "mpi-apart"),
        LAUNCH_AGENT: (*agent[:-2], launch, os.path.join(run_dir, layout.POOL)),
    }
    for name, argv in programs.items():
        words = " ".join(shlex.quote(word) for word in argv)
        files.write(os.path.join(folder, name), f'#!/bin/sh\nexec {words} "$@"\n', 0o700)
