"""What ``mpirun`` starts for each rank: a line of shell that forwards the rank's environment to the rank agent.

So there is one rank agent on this machine, which starts while ``mpirun`` does, and not a Python for each rank that
starts after it. The shell says who it is, and exits with the rank's exit code when the agent says that the rank has
ended well.
"""

from __future__ import annotations

import os

FORWARDER = (
    'rank=${OMPI_COMM_WORLD_RANK:-$PMIX_RANK}; exec 3<>"$0/$rank.exit"; echo "$rank $$" >"$0/forwarders"; '
    'read -r code <&3; exit "$code"'
)
"""For ``/bin/sh -c``, with the folder of the ranks' orders as ``$0``."""
SHELL = "/bin/sh"


def supported() -> bool:
    """Tell whether this machine has what it takes: a shell, and ``/proc`` to read an environment from."""
    return os.path.exists("/proc/self/environ") and os.access(SHELL, os.X_OK)


def make(folder: str, count: int) -> None:
    """Make the pipes.

    Args:
        folder: where the ranks' orders lie.
        count: how many ranks there are.
    """
    for name in ("forwarders", *(f"{rank}.exit" for rank in range(count))):
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            os.mkfifo(path, 0o600)


class EnvForwarders:
    """The shells as the rank agent sees them.

    Args:
        folder: where the ranks' orders lie.

    Attributes:
        pipe: can be read when one has said who it is.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        # For writing too: without a writer it would tell of an end all the time.
        self.pipe = os.open(os.path.join(folder, "forwarders"), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""

    def arrived(self) -> list[tuple[int, int]]:
        """Return rank and pid of those that have said who they are since the last time."""
        try:
            self._rest += os.read(self.pipe, 1 << 12)
        except BlockingIOError:
            return []
        *lines, self._rest = self._rest.split(b"\n")
        return [(int(rank), int(pid)) for rank, pid in (line.split() for line in lines)]

    def release(self, rank: int) -> None:
        """Have the shell of a rank that has ended well leave."""
        try:
            # Its own end is open from before it said who it is.
            pipe = os.open(os.path.join(self._folder, f"{rank}.exit"), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return  # it was ended
        os.write(pipe, b"0\n")
        os.close(pipe)


def environment(pid: int) -> dict[str, str] | None:
    """Return the environment that a process was started with; None where it is gone.

    Args:
        pid: the process.
    """
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = os.fsdecode(file.read()).split("\0")
    except OSError:
        return None
    return dict(pair.partition("=")[::2] for pair in pairs if pair)
