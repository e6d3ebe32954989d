"""The ranks of a job on this node: started, read, and reported. The program is :mod:`trainshed.node.rank_agent`.

One rank agent has all ranks (``all``), and with ``mpirun`` starts each when its environment has been forwarded
(``forwarded``, see :mod:`trainshed.node.env_forwarder`); if that is not possible, ``mpirun`` starts an agent for each
rank (``mpi``; Open MPI's variables say which). For each rank it starts the user's command in the folder and with the
variables of ``FOLDER/<rank>.order``, writes its output to the rank's log and, with the rank's name before each line, to
the run's log, and records how it ended in ``FOLDER/<rank>.end``. The supervising program is notified through the pipe
``FOLDER/events``, and it alone ends the other ranks: the agent then waits to be ended itself, because its exit would
make ``mpirun`` kill the other ranks without a grace period. It imports little, because it starts with every rank.
"""

from __future__ import annotations

import os
import select
import sys
import time

from trainshed.node import env_forwarder, fields
from trainshed.node.logs import open_log
from trainshed.node.rank_events import GRACE
from trainshed.system import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from trainshed.node.mlflow_door import DoorApart
    from trainshed.node.resources import Sampler

_CHUNK = 1 << 16
_LONGEST = 1 << 13
_FIRST = 1.0  # seconds after which this machine is looked at
_RESET = (signals.SIGTERM, signals.SIGINT, signals.SIGHUP, signals.SIGPIPE, signals.SIGCHLD)


class RankProcess:
    """One rank.

    Args:
        folder: the folder of its order.
        rank: its number.
        apart: the ranks are on several machines: the run's log is what has started us, by our standard error.
    """

    def __init__(self, folder: str, rank: int, apart: bool = False) -> None:
        self.rank = rank
        self._folder = folder
        order = fields.read(os.path.join(folder, f"{rank}.order"))
        self._argv, self._cores = order["argument"], [int(core) for core in order.get("core", ())]
        self._variables = fields.variables(order.get("variable", []))
        self._where = order["folder"][0]
        self._title = order["title"][0]
        self.awaited = order["awaited"][0] == "yes"
        self.door = "door" in order
        self.looks = order.get("looks", [""])[0]
        self.node = order["node"][0]
        # Several machines that append to one file would overwrite each other's lines.
        self._log, self._merged = open_log(order["log"][0]), 2 if apart else open_log(order["merged"][0])
        self._prefix = f"[{self._title}] ".encode()
        self._begun = b""
        self._cut = False
        self.pid = 0
        self.pipe = -1
        self.status: int | None = None

    def start(self, environ: dict[str, str]) -> None:
        """Start the user's command in its own session; a command that cannot be started ends with code 127.

        Args:
            environ: its environment, in addition to the variables of the order.
        """
        self.pipe, inward = os.pipe()
        os.set_blocking(self.pipe, False)
        environment = {**environ, **self._variables}
        if self._cores:
            _take_cores(self._cores)
        os.chdir(self._where)
        try:
            self.pid = os.posix_spawnp(
                self._argv[0],
                self._argv,
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, inward, 1),
                    (os.POSIX_SPAWN_DUP2, inward, 2),
                ],
                setsigdef=_RESET,
                setsigmask=[],
                **({"setsid": True} if sys.platform.startswith("linux") else {"setpgroup": 0}),
            )
        except OSError as error:
            os.write(inward, f"{self._argv[0]} cannot be started: {error.strerror}\n".encode())
            self.status = 127 << 8
        os.close(inward)

    def read(self) -> None:
        """Read its output; nothing more after its end."""
        while self.pipe >= 0:
            try:
                chunk = os.read(self.pipe, _CHUNK)
            except BlockingIOError:
                return
            if chunk:
                _write(self._log, chunk)
                self._merge(chunk)
            else:
                self.close()

    def _merge(self, chunk: bytes) -> None:
        """Write complete lines to the run's log, prefixed with the rank's name; carriage returns also end lines."""
        lines = (self._begun + chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")).split(b"\n")
        self._begun = lines.pop()
        if self._cut and lines and not lines[0]:
            del lines[0]  # the end of a line that has been written already
        self._cut = self._cut and not lines
        if len(self._begun) > _LONGEST:
            lines, self._begun, self._cut = [*lines, self._begun], b"", True
        if lines:
            _write(self._merged, b"".join(self._prefix + line + b"\n" for line in lines))

    def close(self) -> None:
        """Close its output; an incomplete last line is written."""
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1
        if self._begun:
            _write(self._merged, self._prefix + self._begun + b"\n")
            self._begun = b""

    def signal(self, number: int) -> None:
        """Send a signal to it and the processes of its session, if it has not ended."""
        if self.pid and self.status is None:
            try:  # noqa: SIM105 - contextlib takes 4 ms, and this program starts with every rank
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass

    def record(self, told: bool) -> None:
        """Record how it ended.

        Args:
            told: whether it was told to end.
        """
        status = self.status or 0
        pairs = [
            ("rank", str(self.rank)),
            ("title", self._title),
            ("node", self.node),
            ("host", os.uname().nodename),
            ("time", repr(time.time())),
            ("told", "yes" if told else "no"),
            ("awaited", "yes" if self.awaited else "no"),
        ]
        if os.WIFSIGNALED(status):
            pairs.append(("signal", str(os.WTERMSIG(status))))
        else:
            pairs.append(("exit_code", str(os.WEXITSTATUS(status))))
        fields.write(os.path.join(self._folder, f"{self.rank}.end"), pairs)


class RankAgent:
    """The ranks of this process.

    Args:
        folder: the folder of their orders.
        ranks: their numbers.
        lasting: under ``mpirun``: keep running after a failure until the other ranks have ended.
        forwarders: forwarders of the ranks' environments; None if the ranks use this process's environment.
        apart: the ranks are on several machines, and what is reported goes to our standard output.

    Attributes:
        input: the descriptor whose end has the ranks end; -1 for none.
    """

    def __init__(
        self,
        folder: str,
        ranks: list[int],
        lasting: bool,
        forwarders: env_forwarder.EnvForwarders | None = None,
        apart: bool = False,
    ) -> None:
        self._apart = apart
        self.input = -1
        self._deadline = 0.0
        self._lasting = lasting
        self._forwarders = forwarders
        self._cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        self._code = 0
        self._served = False
        self._terminating = self._passed_on = self._called = False
        self._wake, waker = os.pipe()
        for end in (self._wake, waker):
            os.set_blocking(end, False)
        signals.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signals.signal(signals.SIGCHLD, lambda *_: None)
        signals.signal(signals.SIGTERM, self._on_term)
        try:
            pipe = os.path.join(folder, "events")
            self._events = 1 if apart else os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self._events = -1  # the supervisor of the run has ended
        self._processes = [RankProcess(folder, rank, apart) for rank in ranks]
        self._door = self._made_door() if any(process.door for process in self._processes) else None
        self._costs: dict[int, float] = {}
        self._sampler: Sampler | None = None
        self._looks_from: float | None = None

    def _made_door(self) -> DoorApart | None:
        from trainshed.node.mlflow_door import DoorApart  # only nodes of a cluster but the first need it

        try:
            return DoorApart(os.environ)
        except OSError as error:
            os.write(2, f"MLflow cannot log to this run: {error}.\n".encode())
            return None

    def _made_sampler(self) -> Sampler:
        from trainshed.node.resources import of_ranks  # only one agent of a node needs it

        looking = next(process for process in self._processes if process.looks)
        return of_ranks(looking.looks == "gpus", looking.node, self._costs, self._tell)

    def _tell(self, lines: bytes) -> None:
        for line in lines.splitlines():
            self._report(f"seen {line.decode()}")

    def _on_term(self, *_: object) -> None:
        self._terminating = True

    def run(self) -> int:
        """Start all ranks, wait for all, and return the exit code of the first that failed."""
        if not self._apart:
            self._report(f"agent {os.getpid()}")
        for process in self._processes if self._forwarders is None else ():
            self._start(process, dict(os.environ))
        # Its imports would be in the way of the ranks', which now begin.
        self._looks_from = time.monotonic() + _FIRST if any(process.looks for process in self._processes) else None
        while any(process.status is None and process.awaited for process in self._processes):
            self._step(0.2 if self._apart and self._terminating else None)
        self._end_servers()
        while self._code and self._lasting and self._events >= 0 and not self._terminating:
            self._step(None)
        self.linger()
        if self._door:
            self._door.close()
        if self._sampler:
            self._sampler.close()
        return self._code

    def _start(self, process: RankProcess, environ: dict[str, str]) -> None:
        process.start({**environ, **self._door.variables} if self._door else environ)
        if self._cores:
            _take_cores(self._cores)
        if process.status is not None:
            self._finish(process)

    def _start_forwarded(self, forwarders: env_forwarder.EnvForwarders) -> None:
        for rank, pid in forwarders.arrived():
            environ = env_forwarder.environment(pid)
            process = next((each for each in self._processes if each.rank == rank), None)
            if environ is not None and not self._terminating and process is not None:
                if not self._apart:
                    self._report(f"agent {pid}")
                self._start(process, environ)

    def _answer(self, calls: list[int]) -> None:
        """Start what answers MLflow's clients when the first of them calls."""
        if calls and self._door:
            self._called = True
            self._door.serve()

    def _step(self, seconds: float | None) -> None:
        """Wait for an event and process the pending ones."""
        pipes = [process.pipe for process in self._processes if process.pipe >= 0]
        pipes += [self._forwarders.pipe] if self._forwarders else []
        pipes += [self.input] if self.input >= 0 else []
        door = [self._door.fileno()] if self._door and not self._called else []
        if self._sampler:
            seconds = self._sampler.wait(None if seconds is None else time.monotonic() + seconds)
        elif self._looks_from is not None:
            seconds = min(seconds or _FIRST, max(self._looks_from - time.monotonic(), 0))
        ready = select.select([self._wake, *pipes, *door], [], [], seconds)[0]
        if self._wake in ready:
            os.read(self._wake, 4096)
        if self.input in ready:
            self.hear(os.read(self.input, _CHUNK))
        if self._forwarders:
            self._start_forwarded(self._forwarders)
        self._answer([each for each in door if each in ready])
        for process in self._processes:
            process.read()
        self._pass_on()
        self._reap()
        if self._sampler:
            self._sampler.look()
        elif self._looks_from is not None and time.monotonic() >= self._looks_from:
            self._sampler = self._made_sampler()

    def hear(self, told: bytes) -> None:
        """Do what the input says: its end has the ranks end."""
        if not told:
            self.input, self._terminating = -1, True

    def linger(self) -> None:
        """Wait for what must end before this process, once its ranks have ended."""

    def _pass_on(self) -> None:
        """End the ranks if they are to end."""
        if self._passed_on and self._apart and time.monotonic() > self._deadline:
            for process in self._processes:
                process.signal(signals.SIGKILL)
        if self._terminating and not self._passed_on:
            self._passed_on = True
            self._deadline = time.monotonic() + float(os.environ.get(GRACE) or 0)
            for process in self._processes:
                process.signal(signals.SIGTERM)
                if not process.pid and process.status is None:
                    process.status = signals.SIGTERM  # it will not be started any more

    def _reap(self) -> None:
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._costs[pid] = used.ru_utime + used.ru_stime
            for process in self._processes:
                if process.pid == pid:
                    process.status = status
                    self._finish(process)

    def _finish(self, process: RankProcess) -> None:
        """Handle a rank's end; the rest of its own output is read, but not what its daemons may print later."""
        process.read()
        process.close()
        process.record(self._terminating or self._served)
        if self._served:
            return  # how a server reacts to being ended is not a failure
        status = process.status or 0
        code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        self._code = self._code or code
        self._report(f"ended {process.rank} {code}")
        if self._forwarders and not code:
            self._forwarders.release(process.rank)

    def _end_servers(self) -> None:
        """End the parameter servers, which run as long as there are workers."""
        self._served = True
        for number, seconds in ((signals.SIGTERM, 10.0), (signals.SIGKILL, 10.0)):
            deadline = time.monotonic() + seconds
            while any(process.status is None for process in self._processes) and time.monotonic() < deadline:
                for process in self._processes:
                    process.signal(number)
                self._step(0.5)

    def _report(self, line: str) -> None:
        if self._events >= 0:
            try:
                os.write(self._events, f"{line}\n".encode())
            except OSError:
                self._events = -1


def _take_cores(cores: set[int] | list[int]) -> None:
    """Restrict this process to these cores, if the system supports it and a container has no other cores."""
    try:  # noqa: SIM105 - as above
        os.sched_setaffinity(0, cores)
    except (AttributeError, OSError):
        pass


def _write(fd: int, data: bytes) -> None:
    """Write everything; a full disk loses lines but does not end the rank."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except OSError:
            return


def main(folder: str, which: str) -> int:
    """Run the ranks of this process.

    Args:
        folder: the folder of their orders.
        which: ``"all"``, ``"forwarded"`` or ``"mpi"``; with several machines ``"mpi-apart"``.

    Returns:
        0, or the exit code of the first that failed (128 + signal).
    """
    if which in ("mpi", "mpi-apart"):
        # By mpirun of Open MPI 4 and 5, or by srun.
        names = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID")
        own = [int(next(os.environ[name] for name in names if name in os.environ))]
        return RankAgent(folder, own, lasting=True, apart=which == "mpi-apart").run()
    forwarders = env_forwarder.EnvForwarders(folder) if which == "forwarded" else None
    return RankAgent(folder, env_forwarder.ranks(folder), forwarders is not None, forwarders).run()
