"""One connection to an agent, from its start to its break: a command that runs elsewhere, and frames on its streams."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import tempfile
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any, Dict, NamedTuple, Tuple

from trainshed.errors import (
    MachineAccessException,
    MachineUnreachableException,
    ServiceException,
    TrainshedError,
    named,
)
from trainshed.machines import far_shell, frames
from trainshed.machines.doors import Doors
from trainshed.machines.kit import Kit, bootstrap_text
from trainshed.machines.machine import OnEnd
from trainshed.machines.tunnel import ScriptLines
from trainshed.machines.ways import Place, Way

_CONNECT_SECONDS = 60.0
_END_SECONDS = 5.0
_LONGEST_GREETING = 1 << 16
Answer = Tuple[Any, bytes]


class Reach(NamedTuple):
    """How a machine is reached.

    Attributes:
        way: the way there.
        workspace: name of the workspace's folder below Trainshed's home there.
        service: host and port of the service's API, for scripts there.
        patience: seconds without an answer after which the connection is given up.
        place: where Trainshed is there.
    """

    way: Way
    workspace: str
    service: Tuple[str, int]
    patience: float
    place: Place = Place()


class NoPython(Exception):
    """The machine has no Python that will do.

    Args:
        sysname: name of its operating system, such as ``"Linux"``.
        machine: name of its kind of processor, such as ``"x86_64"``.
        version: of the Python that it has; ``""`` if it has none.
        musl: whether its C library is musl, as on Alpine.
    """

    def __init__(self, sysname: str, machine: str, version: str, musl: bool) -> None:
        self.sysname = sysname
        self.machine = machine
        self.version = version
        self.musl = musl
        super().__init__(sysname, machine, version, musl)


class AgentConnection:
    """One connection.

    Args:
        reach: how the machine is reached.
        on_end: called with a run's id when its shim has ended.
        doors: to programs there.

    Attributes:
        facts: what the agent has said of its machine.
        broken: it is of no use any more.
    """

    def __init__(self, reach: Reach, on_end: OnEnd, doors: Doors) -> None:
        self._reach = reach
        self._on_end = on_end
        self._doors = doors
        self.facts: dict[str, Any] = {}
        self.broken = False
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Answer]] = {}
        self._count = 0
        self._spoke = False
        self._scripts = ScriptLines(reach.service, self._to_script)
        self._words = ""
        self._said_lock = threading.Lock()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - what the command and the agent complain about

    def open(self, kit: Kit) -> None:
        """Run the command and have the agent there.

        Args:
            kit: brought there unless it is there.

        Raises:
            MachineUnreachableException: it may succeed later.
            MachineAccessException: it will not, until somebody changes something on the way there.
            ServiceException: it will not, until somebody changes something on the machine.
            NoPython: it has none that will do.
        """
        why = self._reach.way.blocked()
        if why:
            self.close()
            raise MachineAccessException(self._sentence(why))
        child = self._start()
        self._out, self._in = child.stdin.fileno(), child.stdout.fileno()  # type: ignore[union-attr]
        os.set_blocking(self._out, False)
        try:
            self._bring(kit)
            self._wait_for_input()
            self.facts = frames.read(self._in)[0]["hello"]
        except (frames.BrokenStream, ValueError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(_END_SECONDS if isinstance(error, _Ended) else 0)  # before it is ended: its code says why
            code = child.poll() or 0
            self.close()
            child.stdout.close()  # type: ignore[union-attr]
            raise self._failed(code, str(error)) from error
        threading.Thread(target=self._read, name=f"machine {self._reach.way.name}", daemon=True).start()

    def _start(self) -> subprocess.Popen[bytes]:
        if self.broken:
            raise self._unreachable("the connection was closed by the service")
        command = self._reach.way.command()
        try:
            self._child = subprocess.Popen(
                [*command, far_shell.begin(self._reach.place)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                bufsize=0,
                start_new_session=True,
                env=self._reach.way.environ(),
            )
        except OSError as error:
            self.broken = True
            raise self._unusable(f"{command[0]} cannot be run on this machine: {error.strerror}") from error
        if self.broken:
            self.close()  # by somebody else, just now
        return self._child

    def _bring(self, kit: Kit) -> None:
        call = f"\nbegin({kit.digest!r}, {self._reach.workspace!r}, {self._reach.place.folder!r})\n"
        program = (bootstrap_text() + call).encode()
        with contextlib.suppress(frames.BrokenStream):  # what it said before it ended is to be heard
            frames.send(self._out, b"%012d" % len(program) + program, _CONNECT_SECONDS)
        said = self._first_word()
        if not said["there"]:
            frames.send(self._out, b"%012d" % len(kit.archive) + kit.archive, _CONNECT_SECONDS)
            said = self._first_word()
        if said.get("error"):
            raise self._unusable(
                f"Trainshed's folder on that machine cannot be written: {said['error']}; see that its user may write "
                "there, and that the disk has room"
            )

    def _first_word(self) -> dict[str, Any]:
        """Return the next line that is JSON; what a shell prints as it starts is passed over."""
        line, size = b"", 0
        while size < _LONGEST_GREETING:
            self._wait_for_input()
            byte = os.read(self._in, 1)
            if not byte:
                raise _Ended("the connection closed")
            line, size = line + byte, size + 1
            if byte == b"\n" and line.startswith(far_shell.NO_PYTHON):
                self.close()
                raise _no_python(line.decode("utf-8", "replace"))
            if byte == b"\n" and line.startswith(b'{"trainshed"'):
                told: dict[str, Any] = json.loads(line)["trainshed"]
                self._spoke = True
                return told
            line = b"" if byte == b"\n" else line
        raise frames.BrokenStream("the program at the other end is not Trainshed's agent")

    def _wait_for_input(self) -> None:
        if not frames.ready(self._in, select.POLLIN, _CONNECT_SECONDS):
            raise frames.BrokenStream(f"no answer within {_CONNECT_SECONDS:.0f} s")

    def send(self, verb: str, args: dict[str, Any], body: bytes = b"") -> tuple[int, Future[Answer]]:
        """Send a request; its answer comes later."""
        future: Future[Answer] = Future()
        with self._lock:
            if self.broken:
                raise self._unreachable("the connection is broken")
            self._count += 1
            number = self._count
            self._waiting[number] = future
            try:
                frames.write(self._out, {"id": number, "verb": verb, "args": args}, body, self._reach.patience)
            except frames.BrokenStream as error:
                self.broken = True
                raise self._unreachable(str(error)) from error
        return number, future

    def answer(self, sent: tuple[int, Future[Answer]], seconds: float) -> Answer:
        """Wait for the answer to a request; silence for too long breaks the connection."""
        try:
            return sent[1].result(seconds)
        except NoAnswer:
            self.close()
            raise self._unreachable(f"no answer within {seconds:.0f} s") from None

    def _read(self) -> None:
        try:
            while True:
                self._take(*frames.read(self._in))
        except (frames.BrokenStream, TrainshedError) as error:
            self._break(str(error))

    def _take(self, head: dict[str, Any], body: bytes) -> None:
        if "ended" in head:
            self._on_end(head["ended"])
        elif "port" in head:
            self._doors.take(head, body)
        elif "line" in head:
            self._scripts.take(head["line"], body)
        else:
            future = self._waiting.pop(head["id"], None)
            if future is None:
                return
            if "error" in head:
                told = head["error"]
                future.set_exception(named(told["type"])(told["message"], told["details"]))
            else:
                future.set_result((head["ok"], body))

    def tell_program(self, head: Dict[str, Any], body: bytes) -> None:
        """Say something to a program there, on a line of its own."""
        self._waiting.pop(self.send("call", head, body)[0], None)  # nobody waits for the answer

    def _to_script(self, head: Dict[str, Any], body: bytes) -> None:
        self._waiting.pop(self.send("tunnel", head, body)[0], None)  # nobody waits for the answer

    def _break(self, why: str) -> None:
        self.close()
        self._child.stdout.close()  # type: ignore[union-attr]
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_exception(self._unreachable(why))
        self._scripts.close()
        self._doors.hang_up()

    def close(self) -> None:
        """End the connection; the agent ends by itself."""
        self.broken = True
        if self._child is None:
            self._complaint(last=True)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGTERM)
        try:
            self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        with self._lock:  # nobody is writing
            self._child.stdin.close()  # type: ignore[union-attr]
        self._complaint(last=True)

    def _complaint(self, last: bool = False) -> str:
        """Return what the command and the agent complain about; close the file if this is the last look at it."""
        with self._said_lock:
            if not self._said.closed:
                self._said.seek(0)
                self._words = self._said.read(_LONGEST_GREETING).decode("utf-8", "replace")
            if last:
                self._said.close()
        return self._words

    def _failed(self, code: int, why: str) -> MachineUnreachableException:
        """Return what it means that the machine has not answered."""
        trouble = None if self._spoke or code <= 0 else self._reach.way.trouble(code, self._complaint())
        if trouble is None:
            return self._unreachable(why)
        kind = MachineAccessException if trouble.lasting else MachineUnreachableException
        return kind(self._sentence(trouble.sentence))

    def _sentence(self, what: str) -> str:
        return f"Machine '{self._reach.way.name}' cannot be reached: {what}"

    def _unreachable(self, why: str) -> MachineUnreachableException:
        said = " ".join(self._complaint().split())[-300:]
        return MachineUnreachableException(
            self._sentence(f"{said or why}. Try the connection by hand: {self._reach.way.by_hand()}")
        )

    def _unusable(self, why: str) -> ServiceException:
        self.close()
        return ServiceException(f"Machine '{self._reach.way.name}' cannot be used: {why}.")


class _Ended(frames.BrokenStream):
    """The command has ended."""


def _no_python(line: str) -> NoPython:
    _, sysname, machine, version, libc, *_ = [*line.split("|"), "", "", "", ""]
    found = re.search(r"Python (\d+[.\d]*)", version)
    return NoPython(sysname, machine, found[1] if found else "", libc.startswith("musl"))
