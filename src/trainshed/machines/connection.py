"""One connection to an agent, from its start to its break: a command that runs elsewhere, and frames on its streams."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shlex
import signal
import subprocess
import tempfile
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any, Dict, NamedTuple, Tuple

from trainshed.errors import MachineUnreachableException, ServiceException, TrainshedError, named
from trainshed.machines import frames
from trainshed.machines.kit import Kit, bootstrap_text
from trainshed.machines.machine import OnEnd
from trainshed.machines.tunnel import ScriptLines

_CONNECT_SECONDS = 60.0
_END_SECONDS = 5.0
_OLDEST_PYTHON = (3, 8)
_NO_PROGRAM = 127
_LONGEST_GREETING = 1 << 16
Answer = Tuple[Any, bytes]


class Reach(NamedTuple):
    """How a machine is reached.

    Attributes:
        name: what people call it.
        connect: a command that runs a shell command line there, given as its last argument: ``("ssh", "host")``.
        workspace: name of the workspace's folder below Trainshed's home there.
        service: host and port of the service's API, for scripts there.
        patience: seconds without an answer after which the connection is given up.
    """

    name: str
    connect: tuple[str, ...]
    workspace: str
    service: tuple[str, int]
    patience: float


class AgentConnection:
    """One connection.

    Args:
        reach: how the machine is reached.
        on_end: called with a run's id when its shim has ended.

    Attributes:
        facts: what the agent has said of its machine.
        broken: it is of no use any more.
    """

    def __init__(self, reach: Reach, on_end: OnEnd) -> None:
        self._reach = reach
        self._on_end = on_end
        self.facts: dict[str, Any] = {}
        self.broken = False
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Answer]] = {}
        self._count = 0
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
            ServiceException: it will not, until somebody changes something; the sentence says what.
        """
        child = self._start()
        self._out, self._in = child.stdin.fileno(), child.stdout.fileno()  # type: ignore[union-attr]
        os.set_blocking(self._out, False)
        try:
            self._bring(kit)
            self._wait_for_input()
            self.facts = frames.read(self._in)[0]["hello"]
        except (frames.BrokenStream, ValueError) as error:
            self.close()
            child.stdout.close()  # type: ignore[union-attr]
            if child.returncode == _NO_PROGRAM:
                raise self._unusable("it has no python3; install Python 3.8 or later") from error
            raise self._unreachable(str(error)) from error
        threading.Thread(target=self._read, name=f"machine {self._reach.name}", daemon=True).start()

    def _start(self) -> subprocess.Popen[bytes]:
        # Read whole before anything is executed, so that no byte meant for the agent is taken for program text.
        text = "import os;n=int(os.read(0,12));t=b''\nwhile len(t)<n:t+=os.read(0,n-len(t))\nexec(t)"
        shell = f"exec python3 -S -E -c {shlex.quote(text)}"
        if self.broken:
            raise self._unreachable("the connection was closed by the service")
        try:
            self._child = subprocess.Popen(
                [*self._reach.connect, shell],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            self.broken = True
            raise self._unusable(f"{self._reach.connect[0]} cannot be run on this machine: {error.strerror}") from error
        if self.broken:
            self.close()  # by somebody else, just now
        return self._child

    def _bring(self, kit: Kit) -> None:
        call = f"\nbegin({kit.digest!r}, {self._reach.workspace!r})\n"
        program = (bootstrap_text() + call).encode()
        frames.send(self._out, b"%012d" % len(program) + program, _CONNECT_SECONDS)
        said = self._first_word()
        if tuple(said["python"]) < _OLDEST_PYTHON:
            version = ".".join(map(str, said["python"]))
            raise self._unusable(f"its python3 is {version}; install Python 3.8 or later")
        if not said["there"]:
            frames.send(self._out, b"%012d" % len(kit.archive) + kit.archive, _CONNECT_SECONDS)
            said = self._first_word()
        if said.get("error"):
            raise self._unusable(f"Trainshed's folder on that machine cannot be written: {said['error']}")

    def _first_word(self) -> dict[str, Any]:
        """Return the next line that is JSON; what a shell prints as it starts is passed over."""
        line, size = b"", 0
        while size < _LONGEST_GREETING:
            self._wait_for_input()
            byte = os.read(self._in, 1)
            if not byte:
                raise frames.BrokenStream("the connection closed")
            line, size = line + byte, size + 1
            if byte == b"\n" and line.startswith(b'{"trainshed"'):
                told: dict[str, Any] = json.loads(line)["trainshed"]
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

    def _to_script(self, head: Dict[str, Any], body: bytes) -> None:
        self._waiting.pop(self.send("tunnel", head, body)[0], None)  # nobody waits for the answer

    def _break(self, why: str) -> None:
        self.close()
        self._child.stdout.close()  # type: ignore[union-attr]
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_exception(self._unreachable(why))
        self._scripts.close()

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
                self._words = " ".join(self._said.read().decode("utf-8", "replace").split())[-300:]
            if last:
                self._said.close()
        return self._words

    def _unreachable(self, why: str) -> MachineUnreachableException:
        return MachineUnreachableException(
            f"Machine '{self._reach.name}' cannot be reached: {self._complaint() or why}. Try the connection by hand: "
            f"{shlex.join(self._reach.connect)} true"
        )

    def _unusable(self, why: str) -> ServiceException:
        self.close()
        return ServiceException(f"Machine '{self._reach.name}' cannot be used: {why}.")
