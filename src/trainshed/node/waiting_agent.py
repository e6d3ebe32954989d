"""The rank agent of one node of a Slurm job; it waits until the run is prepared, see :mod:`.slurm_agents`.

Until then it does not look into the run directory: the file system of a network might go on giving the answer that it
gave too soon.
"""

from __future__ import annotations

import os

from trainshed.node import env_forwarder, fields
from trainshed.node.rank_events import ENVIRONMENT, GO
from trainshed.node.rank_processes import RankAgent

_INPUT = 0


def main(folder: str) -> int:
    """Run the ranks of this node, once they may begin.

    Args:
        folder: the folder of the orders of all nodes' ranks.

    Returns:
        0, or the exit code of the first that failed (128 + signal).
    """
    if not _told():
        return 0
    forwards = _take_environment(folder)
    number = int(os.environ["SLURM_PROCID"])
    own = [rank for rank in env_forwarder.ranks(folder) if _node(folder, rank) == f"node-{number}"]
    forwarders = None
    if forwards:
        env_forwarder.make(folder, own, number)
        forwarders = env_forwarder.EnvForwarders(folder, number)
    return WaitingAgent(folder, own, forwarders).run()


class WaitingAgent(RankAgent):
    """The agent, once it waits no more.

    Args:
        folder: the folder of the orders.
        ranks: numbers of its ranks.
        forwarders: forwarders of the ranks' environments; None if the ranks use this process's environment.
    """

    def __init__(self, folder: str, ranks: list[int], forwarders: env_forwarder.EnvForwarders | None) -> None:
        super().__init__(folder, ranks, lasting=True, forwarders=forwarders, apart=True)
        self.input = _INPUT
        self._rest = b""
        self._daemon = 0

    def hear(self, told: bytes) -> None:
        """Do what the input says: start the daemon of ``mpirun`` for this node, or end the ranks at its end."""
        super().hear(told)
        *lines, self._rest = (self._rest + told).split(b"\n")
        for line in lines:
            host, _, command = os.fsdecode(line).partition(" ")
            if _label(host) == _label(os.environ["SLURMD_NODENAME"]):
                self._start_daemon(command)

    def _start_daemon(self, command: str) -> None:
        # It must not go to the background: Slurm ends what remains of a step whose program has ended.
        argv = [env_forwarder.SHELL, "-c", command.replace(" --daemonize", "")]
        actions = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, 2, 1)]
        self._daemon = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)

    def linger(self) -> None:
        """Wait for the daemon, unless the ranks are to end."""
        while self._daemon and self._daemon not in self._costs and self.input >= 0:
            self._step(None)


def _told() -> bool:
    """Wait for the word; False at the end of the input."""
    told = b""
    while len(told) < len(GO):
        piece = os.read(_INPUT, len(GO) - len(told))
        if not piece:
            return False
        told += piece
    return True


def _label(host: str) -> str:
    """Return a name of a host as ``mpirun`` may have shortened it."""
    return host.partition(".")[0]


def _node(folder: str, rank: int) -> str:
    return fields.read(os.path.join(folder, f"{rank}.order"))["node"][0]


def _take_environment(folder: str) -> bool:
    """Take over the run's environment; return whether ``mpirun`` forwards that of each rank."""
    told = fields.read(os.path.join(folder, ENVIRONMENT))
    for name in told.get("without", ()):
        os.environ.pop(name, None)
    os.environ.update(fields.variables(told.get("variable", [])))
    return "forwarders" in told
