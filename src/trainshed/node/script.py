"""Starts the user's processes, waits for their end as an event, and leaves none behind."""

from __future__ import annotations

import os
import select
import time

from trainshed.node.logs import open_log
from trainshed.node.rank_events import RankEvents
from trainshed.system import memory, process, signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from trainshed.node.mlflow_door import MlflowDoor
    from trainshed.node.resources import FarSampler, Sampler

_SIGNALS_RESET = [
    *(signals.SIGTERM, signals.SIGINT, signals.SIGHUP),
    *(signals.SIGPIPE, signals.SIGCHLD, signals.SIGXFSZ),
]


_AGENT_SECONDS = 5.0
"""Seconds for mpirun to clean up after the ranks have ended."""


class ProcessResult:
    """How a script ended.

    Attributes:
        code: exit code, or None if a signal ended it.
        number: the signal that ended it, or None.
        cause: ``"itself"``, ``"cancel"`` or ``"time_limit"``.
        leftovers: the number of processes that it left running, which were ended.
        oom: whether the kernel has killed a process for lack of memory meanwhile: in its container, or without one,
            anywhere on the machine.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self.number: int | None = None
        self.cause = "itself"
        self.leftovers = 0
        self.oom = False


class Watch:
    """Reports the ends of the shim's children and the service's request to cancel, as events.

    Args:
        marker: ``NAME=value`` in the environment of every process of the run; ``""`` if all are descendants.

    Attributes:
        cancelled: the service, or somebody else, wants the run to end.
        apart: the ranks are on several machines, where only what has started them reaches them.
        end_ranks: ends ranks on several machines, with so many seconds between SIGTERM and SIGKILL.
        news: called after each event while the script runs.
        costs: the seconds of CPU that children have used that have ended, by their ids.
    """

    def __init__(self, marker: str) -> None:
        self.marker = marker
        self.cancelled = False
        self.apart = False
        self.end_ranks: Callable[[float], None] = _ignore
        self.news: Callable[[], None] = _ignore
        self._held: Callable[[], None] | None = None
        self._door: MlflowDoor | None = None
        self._open: Callable[[], None] = _ignore
        self._called = False
        self._ended: dict[int, int] = {}
        self.costs: dict[int, float] = {}
        self._events: RankEvents | None = None
        self._listened: list[int] = []
        self._wake, waker = os.pipe()
        os.set_blocking(waker, False)
        os.set_blocking(self._wake, False)
        signals.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signals.signal(signals.SIGCHLD, _ignore)
        signals.signal(signals.SIGTERM, self._on_term)

    def _on_term(self, *_: object) -> None:
        self.cancelled = True

    def pause(self, seconds: float | None) -> None:
        """Wait for a signal, at most this many seconds (None for no limit); then collect ended children."""
        door = [] if self._door is None or self._called else [self._door.fileno()]
        found = select.select([self._wake, *self._listened, *door], [], [], seconds)[0]
        if self._wake in found:
            os.read(self._wake, 4096)
        if door and door[0] in found:
            self._called = True
            self._open()
        self.reap()
        if self._events:
            self._events.read()

    def listen(self, events: RankEvents) -> None:
        """Also wake up on events of a job's ranks.

        Args:
            events: events of the job's ranks.
        """
        self._events = events
        self._listened = [events.listen()]

    def guard(self, door: MlflowDoor, opening: Callable[[], None]) -> None:
        """Wake up on the first client of MLflow, too.

        Args:
            door: where it calls.
            opening: called then.
        """
        self._door, self._open = door, opening

    def shut(self) -> None:
        """End what answers MLflow's clients, if there is one."""
        door, self._door = self._door, None
        pid = 0 if door is None else door.close()
        while pid and pid not in self._ended and self.reap():
            self.pause(None)

    def hold(self, let_go: Callable[[], None]) -> None:
        """Have rank agents on several machines, which are the first of the run's processes, end their ranks by a call.

        Args:
            let_go: the call.
        """
        self._held = let_go

    def let_go(self) -> bool:
        """Have the agents end their ranks; return whether there are agents to do so."""
        held, self._held = self._held, None
        if held is not None:
            held()
        return held is not None

    @property
    def failed(self) -> bool:
        """Whether one of several ranks has failed, so that the others must be ended."""
        return self._events is not None and self._events.failed

    @property
    def agents(self) -> set[int]:
        """Pids of the rank agents, which exit when their ranks have ended."""
        return self._events.agents if self._events else set()

    def reap(self) -> bool:
        """Collect every child that has ended.

        Returns:
            Whether there are children left.
        """
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._ended[pid] = status
            self.costs[pid] = used.ru_utime + used.ru_stime

    def status_of(self, pid: int) -> int | None:
        """Return the wait status of a child that has ended, or None."""
        return self._ended.get(pid)

    def family(self) -> set[int]:
        """Return all processes of the run that are alive."""
        self.reap()
        return process.family(os.getpid(), self.marker)

    def end_family(self, grace: float) -> int:
        """End all processes of the run: SIGTERM, then SIGKILL until none is left; return how many there were."""
        return process.end(self.family, grace, self.pause)


def start(
    argv: tuple[str, ...],
    variables: dict[str, str],
    folder: str,
    log: str,
    ends: tuple[str, str] = (os.devnull, ""),
) -> int:
    """Start a program in its own session, with its output going straight to a file.

    Args:
        argv: the command; ``argv[0]`` is a path, or a name that is looked up on ``variables['PATH']``.
        variables: its complete environment.
        folder: its working folder.
        log: file to which its standard output and error are appended, in a folder of the run directory.
        ends: a file or pipe for its standard input; a pipe that gets its standard output instead of the log.

    Returns:
        Its pid.

    Raises:
        OSError: it cannot be executed.
    """
    # The shim changes to that folder, because posix_spawn, which saves 10 ms for importing subprocess, has no cwd.
    os.chdir(folder)
    output = open_log(log)
    try:
        return os.posix_spawn(
            _found(argv[0], variables.get("PATH", os.defpath)),
            list(argv),
            variables,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, ends[0], os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 2),
                (os.POSIX_SPAWN_OPEN, 1, ends[1], os.O_WRONLY, 0) if ends[1] else (os.POSIX_SPAWN_DUP2, 2, 1),
            ],
            setsigdef=_SIGNALS_RESET,
            setsigmask=[],
            **_own_session(),  # type: ignore[arg-type]
        )
    finally:
        os.close(output)


def wait(
    watch: Watch,
    pids: list[int],
    limit: float | None,
    grace: float,
    note: Callable[[ProcessResult], None] | None = None,
    sampler: Sampler | FarSampler | None = None,
) -> ProcessResult:
    """Wait for the run's processes; end them on cancel or at the time limit; leave none of their children behind.

    Args:
        watch: reports ends and cancel requests.
        pids: the processes started: the script, or a starter and a rank agent, which need each other.
        limit: the time limit in seconds, or None.
        grace: seconds between SIGTERM and SIGKILL.
        note: called as soon as the processes have ended, before what they left running is.
        sampler: looks at what they use.
    """
    result, killed = ProcessResult(), memory.kills()
    deadline = None if limit is None else time.monotonic() + limit
    gone: list[int] = []
    watch.reap()
    while any(watch.status_of(pid) is None for pid in pids):
        late = deadline is not None and time.monotonic() >= deadline
        if watch.cancelled or late or watch.failed or _deserted(watch, pids):
            result.cause = "cancel" if watch.cancelled else "time_limit" if late else "itself"
            gone = [pid for pid in pids if watch.status_of(pid)]  # the other processes are ended now
            _end(watch, pids, grace)
            break
        if sampler is None:
            watch.pause(None if deadline is None else max(deadline - time.monotonic(), 0))
        else:
            watch.pause(sampler.wait(deadline))
            sampler.look()
        watch.news()
    if sampler is not None:
        sampler.close()
    _read_status(watch, gone or pids, result)
    # Cancelled before anything was started, or both received the signal, as when a machine is shut down.
    if watch.cancelled and (not pids or result.number == signals.SIGTERM):
        result.cause = "cancel"
    if note:
        note(result)
    watch.shut()
    # Without a child and without an orphan adopted as subreaper, there is nothing to search for.
    if watch.reap() or not process.LINUX:
        result.leftovers = watch.end_family(grace)
    result.oom = memory.kills() > killed
    return result


def _end_apart(watch: Watch, pids: list[int], grace: float) -> None:
    """End the ranks on all machines: their agents do so when they are let go, or else each machine is told."""
    deadline = time.monotonic() + grace + _AGENT_SECONDS
    if watch.let_go():
        _await(watch, pids[:1], deadline)
    else:
        watch.end_ranks(grace)
        deadline = time.monotonic() + grace + _AGENT_SECONDS
    for pid in (pid for pid in pids if watch.status_of(pid) is None):
        os.kill(pid, signals.SIGTERM)
    _await(watch, pids, deadline)


def _await(watch: Watch, pids: list[int], deadline: float) -> None:
    while any(watch.status_of(pid) is None for pid in pids) and time.monotonic() < deadline:
        watch.pause(max(deadline - time.monotonic(), 0))


def _deserted(watch: Watch, pids: list[int]) -> bool:
    """Tell whether one of several processes has failed and so left the others."""
    return any(watch.status_of(pid) for pid in pids)


def _end(watch: Watch, pids: list[int], grace: float) -> None:
    """End the run's processes; ranks first, so that their starter does not end them without a grace period."""
    if watch.apart:
        _end_apart(watch, pids, grace)
        grace = _AGENT_SECONDS
    elif watch.agents:
        # The starters are pids; agents come and go by events, so they are queried in each round.
        process.end(lambda: watch.family() - watch.agents - set(pids), grace, watch.pause)
        grace = _AGENT_SECONDS
    watch.end_family(grace)


def _read_status(watch: Watch, pids: list[int], result: ProcessResult) -> None:
    """Return the first failure, or the success of the first process."""
    statuses = [status for status in (watch.status_of(pid) for pid in pids) if status is not None]
    status = next((s for s in statuses if s != 0), 0 if statuses else None)
    if status is None:
        return
    if os.WIFSIGNALED(status):
        result.number = os.WTERMSIG(status)
    else:
        result.code = os.WEXITSTATUS(status)


def _found(program: str, path: str) -> str:
    if os.sep in program:
        return program
    for folder in path.split(os.pathsep):
        candidate = os.path.join(folder, program)
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    raise FileNotFoundError(2, f"no program '{program}' on PATH")


def _own_session() -> dict[str, object]:
    # Python supports the flag only if the C library does; otherwise use a process group.
    return {"setsid": True} if process.LINUX else {"setpgroup": 0}


def _ignore(*_: object) -> None:
    """A handler must be set for the wakeup descriptor to be notified of the signal."""
