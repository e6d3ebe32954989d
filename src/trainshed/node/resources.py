"""What a run uses of its machine, looked at now and then by the shim and written to the run's journal."""

from __future__ import annotations

import json
import os
import time

from trainshed.errors import TYPE_CHECKING
from trainshed.spec import layout
from trainshed.system import confined, process

if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

_FIRST = 2.0
_SHARE = 200.0
"""A look is taken when another 200th of the run's time has passed, so that those of a day are few, too."""
_MOST = 2000
"""Processes that are looked at."""


class Sampler:
    """Looks at the processes of a run; a look takes some microseconds for each of them.

    Args:
        run_dir: the run directory.
    """

    def __init__(self, run_dir: str) -> None:
        self._run_dir = run_dir
        self._begun = self._last = time.monotonic()
        self._next: Optional[float] = self._begun + _FIRST if process.LINUX else None
        self._before = 0.0
        self._read = self._written = 0

    def wait(self, deadline: Optional[float]) -> Optional[float]:
        """Return how long to wait, in seconds: until the next look or the deadline; None for no limit.

        Args:
            deadline: by the monotonic clock, or None.
        """
        ends = [each for each in (deadline, self._next) if each is not None]
        return max(min(ends) - time.monotonic(), 0) if ends else None

    def look(self) -> None:
        """Take a look if it is time for one. If it cannot be written, none is taken any more."""
        now = time.monotonic()
        if self._next is None or now < self._next:
            return
        cpu, memory, read, written = _used(os.getpid())
        passed = now - self._last
        found = {"memory": float(memory)}
        if self._before:
            found["cpu"] = max(cpu - self._before, 0.0) / passed
            found["disk read"] = max(read - self._read, 0) / passed
            found["disk write"] = max(written - self._written, 0) / passed
        self._last, self._before, self._read, self._written = now, cpu, read, written
        self._next = now + max(_FIRST, (now - self._begun) / _SHARE)
        wall = time.time()
        events = [{"k": "resource", "n": f"system: {name}", "t": wall, "v": value} for name, value in found.items()]
        try:
            lines = "".join(json.dumps(event) + "\n" for event in events)
            confined.append_inside(self._run_dir, layout.JOURNAL, lines.encode("ascii"))
        except OSError:
            self._next = None


def _used(shim: int) -> Tuple[float, int, int, int]:
    """Return what the descendants of a process use: seconds of CPU, bytes of memory, bytes read and written."""
    ticks, page = float(os.sysconf("SC_CLK_TCK")), os.sysconf("SC_PAGE_SIZE")
    cpu, own, shared, read, written = 0.0, 0, 0, 0, 0
    for pid in _descendants(shim):
        try:
            fields = _text(pid, "stat").rpartition(")")[2].split()
            cpu += sum(int(each) for each in fields[11:15]) / ticks
            resident, common = (int(each) * page for each in _text(pid, "statm").split()[1:3])
            # What processes share, such as the data of workers that were forked, is there once.
            own, shared = own + resident - common, max(shared, common)
            amounts = dict(line.split(": ") for line in _text(pid, "io").splitlines())
            read, written = read + int(amounts["read_bytes"]), written + int(amounts["write_bytes"])
        except (OSError, ValueError, IndexError, KeyError):
            continue  # it has ended, or is another user's
    return cpu, own + shared, read, written


def _descendants(pid: int) -> List[int]:
    found: Dict[int, None] = {}
    waiting = [pid]
    while waiting and len(found) < _MOST:
        each = waiting.pop()
        try:
            for thread in os.listdir(f"/proc/{each}/task"):
                children = [int(child) for child in _text(each, f"task/{thread}/children").split()]
                waiting += [child for child in children if child not in found]
                found.update(dict.fromkeys(children))
        except (OSError, ValueError):
            continue
    return list(found)


def _text(pid: int, name: str) -> str:
    with open(f"/proc/{pid}/{name}", encoding="ascii", errors="replace") as file:
        return file.read()
