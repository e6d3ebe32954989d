"""Events of a job's ranks: a named pipe that their agents write to and one program reads."""

from __future__ import annotations

import os

_LONGEST = 1 << 10
GRACE = "TRAINSHED_RANK_GRACE"
"""Seconds between SIGTERM and SIGKILL for ranks on several machines, where their agents send both."""
ENVIRONMENT = "environment.order"
"""File with the environment of a run on several nodes of Slurm, in the folder of the orders; it may have secrets."""
GO = b"go\n"
"""The word for the agents on these nodes, which wait for it, that the orders have been written."""


class RankEvents:
    """What the agents report about ranks.

    Args:
        folder: the folder of their orders.

    Attributes:
        path: the pipe.
        agents: pids of the rank agents, which exit when their ranks have ended.
        failed: a rank has failed, so the others must be ended.
        first: number of the first one that has; -1 if none is known.
        seen: lines for the journal, of what has been seen of the ranks' machines.
    """

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "events")
        self.agents: set[int] = set()
        self.failed = False
        self.first = -1
        self.seen: list[bytes] = []
        self._rest = b""
        self._opened = -1

    def make(self) -> None:
        """Create the pipe."""
        if not os.path.exists(self.path):
            os.mkfifo(self.path, 0o600)

    def listen(self) -> int:
        """Open the pipe, and return its descriptor."""
        # Opened for writing too: without a writer, the pipe would always report its end.
        self._opened = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        return self._opened

    def close(self) -> None:
        """Close the pipe."""
        if self._opened >= 0:
            os.close(self._opened)
            self._opened = -1

    def read(self) -> None:
        """Process the pending events."""
        try:
            self._rest += os.read(self._opened, 1 << 16)
        except BlockingIOError:
            return
        *lines, self._rest = self._rest.split(b"\n")
        self._rest = self._rest[-_LONGEST:]  # a script may write there as well
        for line in lines:
            kind, *numbers = line.split() or [b""]
            if kind == b"seen" and len(line) <= _LONGEST and len(self.seen) < _LONGEST:
                self.seen.append(line[len(kind) :].strip())
                continue
            if len(line) > _LONGEST or not numbers or not b"".join(numbers).isdigit():
                continue
            if kind == b"agent":
                self.agents.add(int(numbers[0]))
            elif kind == b"ended" and numbers[1:] not in ([], [b"0"]):
                self.first = self.first if self.failed else int(numbers[0])
                self.failed = True
