"""What a run uses of its machines, looked at now and then and written to the run's journal.

The shim looks. Where ranks are on several nodes of a cluster, an agent on each of them does, and reports to the shim,
because only one machine may append to a file that all share.
"""

from __future__ import annotations

import os
import time

from trainshed.errors import TYPE_CHECKING
from trainshed.spec import layout
from trainshed.system import confined, jsons, process

if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

    from trainshed.node.rank_events import RankEvents

_FIRST = 2.0
_FIRST_NODE = "node-0"
"""Its names are those of a run on one machine."""
_SHARE = 200.0
"""A look is taken when another 200th of the run's time has passed, so that those of a day are few, too."""
_MOST = 2000
"""Processes that are looked at."""
_NVIDIA_SMI = ("nvidia-smi", "--query-gpu=utilization.gpu,memory.used", "--format=csv,noheader,nounits")
_GPU = r"[A-Za-z0-9][A-Za-z0-9:./-]*\Z"
_THRIFT = 1000.0
"""What a look costs may be this part of the time to the next one: a thousandth of a core, however many processes."""
_PATIENCE = 60.0
"""Seconds after which an answer is waited for no longer: a driver may hang."""


class Sampler:
    """Looks at the processes of a run; a look takes some microseconds for each of them.

    Args:
        run_dir: the run directory.
        gpus: of the run, if it has any.
        node: name of the node that this machine is, if the run has several.
        root: the process whose descendants are the run; by default this one.
        tell: takes what was seen, in place of the journal.
    """

    def __init__(
        self,
        run_dir: str,
        gpus: Optional[GpuSampler] = None,
        node: str = "",
        root: int = 0,
        tell: Optional[Callable[[bytes], None]] = None,
    ) -> None:
        self._run_dir = run_dir
        self._gpus = gpus
        self._node = f" ({node})" if node not in ("", _FIRST_NODE) else ""
        self._root = root or os.getpid()
        self._tell = tell or (lambda lines: note(run_dir, lines))
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
        begun = time.process_time()
        cpu, memory, read, written = _used(self._root, self._gpus.pid if self._gpus else 0)
        passed = now - self._last
        found = {"memory": float(memory)}
        if self._before:
            found["cpu"] = max(cpu - self._before, 0.0) / passed
            found["disk read"] = max(read - self._read, 0) / passed
            found["disk write"] = max(written - self._written, 0) / passed
        self._last, self._before, self._read, self._written = now, cpu, read, written
        cost = time.process_time() - begun
        self._next = now + max(_FIRST, (now - self._begun) / _SHARE, _THRIFT * cost)
        wall = time.time()
        events = [(name, wall, value) for name, value in found.items()]
        if self._gpus:
            events += self._gpus.look(now)
        lines = [
            jsons.dumps({"k": "resource", "n": f"system: {name}{self._node}", "t": when, "v": value}) + "\n"
            for name, when, value in events
        ]
        try:
            self._tell("".join(lines).encode("ascii"))
        except OSError:
            self._next = None

    def close(self) -> None:
        """Leave nothing running."""
        if self._gpus:
            self._gpus.close()


def of_ranks(use_gpu: bool, node: str, costs: Dict[int, float], tell: Callable[[bytes], None]) -> Sampler:
    """Return what looks, from a rank agent, at what has started this agent, and so at all others of its machine.

    Args:
        use_gpu: the run uses GPUs: all of this machine.
        node: name of the node that this machine is.
        costs: as for :class:`GpuSampler`.
        tell: as for :class:`Sampler`.
    """
    gpus = given(use_gpu, {}, None)
    return Sampler("", GpuSampler(gpus, costs) if gpus else None, node, os.getppid(), tell)


class FarSampler:
    """Writes to the run's journal what rank agents on several nodes have seen; it has the methods of a Sampler.

    Args:
        run_dir: the run directory.
        events: by which the agents report.
    """

    def __init__(self, run_dir: str, events: RankEvents) -> None:
        self._run_dir = run_dir
        self._events = events

    def wait(self, deadline: Optional[float]) -> Optional[float]:
        """See :meth:`Sampler.wait`: there is nothing to do here at a certain time."""
        return None if deadline is None else max(deadline - time.monotonic(), 0)

    def look(self) -> None:
        """Write what has been reported."""
        found, self._events.seen = self._events.seen, []
        try:
            if found:
                note(self._run_dir, b"".join(line + b"\n" for line in found))
        except OSError:
            return  # as of a full disk

    def close(self) -> None:
        """See :meth:`look`."""
        self.look()


def note(run_dir: str, lines: bytes) -> None:
    """Append lines to a run's journal.

    Raises:
        OSError: it cannot be written.
    """
    confined.append_inside(run_dir, layout.JOURNAL, lines)


class GpuSampler:
    """Asks ``nvidia-smi`` what the GPUs of a run do, without waiting for it: its answer is read at the next look.

    Args:
        names: of the GPUs, as ``CUDA_VISIBLE_DEVICES`` names them.
        costs: the seconds of CPU that children have used that have ended, by their ids.
    """

    def __init__(self, names: Sequence[str], costs: Dict[int, float]) -> None:
        import re  # runs without GPUs do without

        self._names = [name for name in names if re.match(_GPU, name)]
        self._costs = costs
        self._output = -1
        self._asked = self._wall = 0.0
        self._next = 0.0 if self._names else float("inf")
        self.pid = 0
        """The process that is asked, if one is running."""

    def look(self, now: float) -> List[Tuple[str, float, float]]:
        """Return what the last answer says, if it is there, as (name, time, value), and ask again if it is time.

        Args:
            now: by the monotonic clock.
        """
        if self.pid:
            return self._answer(now)
        if now >= self._next:
            self._ask(now)
        return []

    def _ask(self, now: float) -> None:
        self._asked, self._wall = now, time.time()
        self._output, end = os.pipe()
        os.set_blocking(self._output, False)
        argv = [*_NVIDIA_SMI, "-i", ",".join(self._names)]
        null = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        to_null = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        try:
            self.pid = os.posix_spawnp(
                argv[0], argv, os.environ, file_actions=[null, (os.POSIX_SPAWN_DUP2, end, 1), to_null]
            )
        except OSError:
            self._stop()  # there is none
        finally:
            os.close(end)
        self._costs.pop(self.pid, None)  # of an earlier process, which had the same id

    def _answer(self, now: float) -> List[Tuple[str, float, float]]:
        cost = self._costs.pop(self.pid, None)
        if cost is None:
            if now - self._asked > _PATIENCE:
                self.close()
                self._stop()
            return []
        self.pid = 0
        text = os.read(self._output, 1 << 16).decode("ascii", "replace")
        os.close(self._output)
        self._output = -1
        busy, used = [], []
        for line in text.splitlines():
            first, _, second = line.partition(",")
            # "[N/A]" is what a part of a GPU says.
            busy += [float(first)] if first.strip().isdigit() else []
            used += [float(second)] if second.strip().isdigit() else []
        found = {}
        if busy:
            found["gpu"] = sum(busy) / len(busy) / 100
        if used:
            found["gpu memory"] = sum(used) * (1 << 20)
        if not found:
            self._stop()
        # Another program costs more than all other looks.
        self._next = max(self._next, self._asked + max(_FIRST, _THRIFT * cost))
        return [(name, self._wall, value) for name, value in found.items()]

    def _stop(self) -> None:
        self._next = float("inf")

    def close(self) -> None:
        """End the process that is asked, so that it does not count as one that the run has left."""
        pid, self.pid = self.pid, 0
        if self._output >= 0:
            os.close(self._output)
            self._output = -1
        if not pid or self._costs.pop(pid, None) is not None:
            return
        os.kill(pid, 9)
        for _ in range(100):
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    return
            except ChildProcessError:
                return
            time.sleep(0.01)


def given(use_gpu: bool, node_context: Mapping[str, Any], node: Optional[int]) -> List[str]:
    """Return the names of the GPUs that a run was given on this machine; none for a run that asked for none.

    Args:
        use_gpu: whether it asked.
        node_context: the part of ``spec.json`` that describes this node.
        node: which of the run's nodes this machine is; None if all are here.
    """
    if not use_gpu:
        return []
    shares = [share or [] for share in node_context.get("gpus") or []]
    if node is not None:
        shares = shares[node : node + 1]
    found = [str(name) for share in shares for name in share]
    return found or [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]


def _used(shim: int, but: int) -> Tuple[float, int, int, int]:
    """Return what the descendants of a process, but for one, use: seconds of CPU, bytes of memory, read and written."""
    ticks, page = float(os.sysconf("SC_CLK_TCK")), os.sysconf("SC_PAGE_SIZE")
    cpu, own, shared, read, written = 0.0, 0, 0, 0, 0
    for pid in _descendants(shim):
        if pid == but:
            continue
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
