"""Processes of this machine: their identity, whether they are alive, their descendants, and how to end them.

A process is identified by pid, start time and boot id together, because a pid alone is reused.
"""

from __future__ import annotations

import os
import sys
import time

from trainshed.system import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Collection, Iterable

LINUX = sys.platform.startswith("linux")
SERVES = "TRAINSHED_SERVES"
"""The variable of a service and of its shims, which are of no run, even if a run's script has started the service."""
_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 30.0
"""Seconds after the first SIGKILL at which a process that cannot be killed (another user's, or stuck) is given up."""


def boot_id() -> str:
    """Return an id that is different for each boot of the machine."""
    if LINUX:
        return _read("/proc/sys/kernel/random/boot_id").strip()
    return _output(["sysctl", "-n", "kern.boottime"]).strip()


def identity(pid: int) -> dict[str, Any] | None:
    """Return ``{"pid", "start", "boot"}`` of a living process, or None."""
    start = _start_time(pid)
    return {"pid": pid, "start": start, "boot": boot_id()} if start else None


def alive(who: dict[str, Any]) -> bool:
    """Tell whether the process that :func:`identity` described is still alive (a zombie is not).

    Args:
        who: a result of :func:`identity`, possibly from an earlier process of the caller.
    """
    return bool(who.get("start")) and _start_time(int(who["pid"])) == who["start"] and boot_id() == who["boot"]


def wake(who: dict[str, Any]) -> None:
    """Have a living process go on if it is stopped: a script can stop what supervises it.

    Args:
        who: as for :func:`alive`.
    """
    if not LINUX or _stat(int(who["pid"]))[:1] == ["T"]:
        try:  # noqa: SIM105 - contextlib takes 2 ms to import
            os.kill(int(who["pid"]), signals.SIGCONT)
        except OSError:
            pass  # it has ended


def become_subreaper() -> bool:
    """Make orphaned descendants our own children (Linux), so that none escapes by a double fork.

    Returns:
        Whether the kernel supports it; if not, descendants are found only by scanning.
    """
    if not LINUX:
        return False
    import _ctypes  # all of ctypes takes 5 ms, and a job of Slurm waits for it

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL

    prctl = Function(_ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl"))  # type: ignore[arg-type]
    return bool(prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def family(root: int | None, marker: str = "", inside: Collection[int] = ()) -> set[int]:
    """Return the pids of all living processes that belong to ``root``, or were started with ``marker``.

    The nearest process on the way up decides, beginning with the process itself: one with ``marker`` belongs, one of a
    service (:data:`SERVES`) or with another value in the marker's variable does not, and neither do their descendants.

    Args:
        root: a pid, which is not in the result itself; its descendants belong. None uses only the marker.
        marker: ``NAME=value`` in the environment of the processes, whatever their parent is now.
        inside: pids that belong if nothing on the way up decides.
    """
    parents = _parents()
    belongs: dict[int, bool | None] = {0: None, os.getpid(): False}
    if root:
        belongs[root] = True
    for pid in parents:
        way, at = [], pid
        while at not in belongs and at not in way:  # a number may have been reused while they were listed
            way.append(at)
            at = parents.get(at, 0)
        above = belongs.get(at)
        for one in reversed(way):
            told = _belongs(one, marker)
            above = belongs[one] = above if told is None else told
    found = {pid for pid in parents if belongs[pid] or (belongs[pid] is None and pid in inside)}
    return found - {root, os.getpid()}


def end(find: Callable[[], set[int]], grace: float, wait: Callable[[float], None]) -> int:
    """End all processes that ``find`` returns: SIGTERM, up to ``grace`` seconds, then SIGKILL until none is left.

    Args:
        find: returns the pids to end; called again each round, because they may fork meanwhile.
        grace: seconds between SIGTERM and SIGKILL.
        wait: called with the maximum number of seconds to wait between rounds; returns early when a child has ended.

    Returns:
        The number of processes signalled. One that survives SIGKILL is given up after half a minute.
    """
    told: set[int] = set()
    deadline = time.monotonic() + grace
    pause = 0.002
    while True:
        left = find()
        if not left or time.monotonic() >= deadline + _PATIENCE:
            return len(told)
        over = time.monotonic() >= deadline
        # A process created after the first round has not received SIGTERM yet.
        _tell(left if over else left - told, signals.SIGKILL if over else signals.SIGTERM)
        told |= left
        wait(min(pause, max(deadline - time.monotonic(), 0.002)))
        pause = min(pause * 2, 0.25)


def hearing(pids: Collection[int], number: int) -> set[int]:
    """Return those processes that handle a signal themselves, but not the descendants of one that does (Linux).

    Args:
        pids: the processes to choose from.
        number: the signal.
    """
    parents = _parents() if LINUX else {}
    handlers = {pid for pid in pids if _handles(pid, number)}
    found = set()
    for pid in handlers:
        at, way = parents.get(pid, 0), {pid}
        while at and at not in handlers and at not in way:
            way.add(at)
            at = parents.get(at, 0)
        if at not in handlers:
            found.add(pid)
    return found


def _handles(pid: int, number: int) -> bool:
    line = next((line for line in _read(f"/proc/{pid}/status").splitlines() if line.startswith("SigCgt:")), "")
    return bool(int(line.partition(":")[2].strip() or "0", 16) >> (number - 1) & 1)


def _tell(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
            if number == signals.SIGTERM:
                os.kill(pid, signals.SIGCONT)  # a stopped process cannot handle SIGTERM
        except (ProcessLookupError, PermissionError):
            continue


def _start_time(pid: int) -> str:
    if LINUX:
        fields = _stat(pid)
        return fields[19] if fields and fields[0] not in ("Z", "X") else ""
    state, _, started = _output(["ps", "-o", "stat=,lstart=", "-p", str(pid)]).strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; the name before it may contain spaces and brackets."""
    return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _parents() -> dict[int, int]:
    """Map every living process to its parent."""
    if not LINUX:
        rows = (line.split() for line in _output(["ps", "-axo", "pid=,ppid=,stat="]).splitlines())
        return {int(r[0]): int(r[1]) for r in rows if len(r) > 2 and not r[2].startswith("Z")}
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = _stat(int(name))
            if fields and fields[0] not in ("Z", "X"):
                parents[int(name)] = int(fields[1])
    return parents


def _belongs(pid: int, marker: str) -> bool | None:
    """Tell by a process's own environment whether it belongs to what has the marker; None if that tells nothing."""
    if not marker:
        return None
    if LINUX:
        variables = _read(f"/proc/{pid}/environ").split("\0")
    else:
        variables = _output(["ps", "-E", "-o", "command=", "-p", str(pid)]).split()
    name = marker.partition("=")[0]
    if any(one != marker and one.startswith((f"{SERVES}=", f"{name}=")) for one in variables):
        return False
    return True if marker in variables else None


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except OSError:
        return ""


def _output(argv: list[str]) -> str:
    import subprocess  # takes 10 ms; only systems without /proc need it

    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
