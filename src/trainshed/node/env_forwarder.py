"""What ``mpirun`` starts for each rank: a one-line shell script that forwards the rank's environment to the rank agent.

So a single rank agent, which starts at the same time as ``mpirun``, replaces a Python process per rank. The shell
announces its rank, and exits with the rank's exit code once the agent reports that the rank has ended.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FORWARDER = (
    "rank=${OMPI_COMM_WORLD_RANK:-$PMIX_RANK}; pipe=$0/forwarders-$((rank / $1)); "
    'until [ -p "$pipe" ]; do sleep 0.1; done; '
    'exec 3<>"$0/$rank.exit"; echo "$rank $$" >"$pipe"; read -r code <&3; exit "$code"'
)
"""For ``/bin/sh -c``, with the folder of the ranks' orders as ``$0``, and as ``$1`` how many ranks one agent has."""
SHELL = "/bin/sh"


def supported() -> bool:
    """Tell whether this machine has a shell, and ``/proc`` to read an environment from."""
    return os.path.exists("/proc/self/environ") and os.access(SHELL, os.X_OK)


def ranks(folder: str) -> list[int]:
    """Return the numbers of the ranks that have orders.

    Args:
        folder: the folder of the orders.
    """
    names = (name[: -len(".order")] for name in os.listdir(folder) if name.endswith(".order"))
    return sorted(int(name) for name in names if name.isdigit())


def make(folder: str, numbers: Iterable[int], agent: int = 0) -> None:
    """Create the pipes.

    Args:
        folder: the folder of the ranks' orders.
        numbers: the ranks.
        agent: number of the agent that has them.
    """
    for name in (*(f"{rank}.exit" for rank in numbers), f"forwarders-{agent}"):  # which says that all are there
        path = os.path.join(folder, name)
        if not os.path.exists(path):
            os.mkfifo(path, 0o600)


class EnvForwarders:
    """The shells, as seen by the rank agent.

    Args:
        folder: the folder of the ranks' orders.
        agent: number of the agent.

    Attributes:
        pipe: readable when a shell has announced its rank.
    """

    def __init__(self, folder: str, agent: int = 0) -> None:
        self._folder = folder
        # Opened for writing too: without a writer, the pipe would always report its end.
        self.pipe = os.open(os.path.join(folder, f"forwarders-{agent}"), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = b""

    def arrived(self) -> list[tuple[int, int]]:
        """Return rank and pid of the shells that have announced themselves since the last call."""
        try:
            self._rest += os.read(self.pipe, 1 << 12)
        except BlockingIOError:
            return []
        *lines, self._rest = self._rest.split(b"\n")
        words = [line.split() for line in lines]
        # A script may write there as well.
        return [(int(each[0]), int(each[1])) for each in words if len(each) == 2 and b"".join(each).isdigit()]

    def release(self, rank: int) -> None:
        """Let the shell of a rank that has completed exit."""
        try:
            # The shell opened its end before it announced its rank.
            pipe = os.open(os.path.join(self._folder, f"{rank}.exit"), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return  # it was ended
        try:
            os.write(pipe, b"0\n")
        except OSError:
            pass  # as above
        finally:
            os.close(pipe)


def environment(pid: int) -> dict[str, str] | None:
    """Return the environment that a process was started with; None if it has ended."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            pairs = os.fsdecode(file.read()).split("\0")
    except OSError:
        return None
    return dict(pair.partition("=")[::2] for pair in pairs if pair)
