"""A machine elsewhere: its agent, spoken to over the standard input and output of one kept connection."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any, NamedTuple

from trainshed.errors import MachineUnreachableException, named
from trainshed.machines import frames
from trainshed.machines.kit import Kit, bootstrap_text
from trainshed.machines.machine import CompletedCommand, Content, FileFacts, Observation, OnEnd

log = logging.getLogger("trainshed.machines")
_CONNECT_SECONDS = 60.0
_ANSWER_SECONDS = 30.0
_LONG_SECONDS = 600.0
_PIECE = 1 << 20
_BATCH = 4 << 20
_IN_FLIGHT = 8
_OLDEST_PYTHON = (3, 8)
_Answer = tuple[Any, bytes]


class Reach(NamedTuple):
    """How a machine is reached.

    Attributes:
        name: what people call it.
        connect: a command that runs a shell command line there, given as its last argument: ``("ssh", "host")``.
        workspace: name of the workspace's folder below Trainshed's home there.
        service: host and port of the service's API, for scripts there.
    """

    name: str
    connect: tuple[str, ...]
    workspace: str
    service: tuple[str, int]


class RemoteMachine:
    """A machine that shares nothing with the service.

    The connection is made at the first call, and again at the first call after it broke. A call that gets no answer is
    a :class:`MachineUnreachableException`, and may be repeated.

    Args:
        reach: how it is reached.
        kit: returns what is brought there.
        on_end: called with a run's id when its shim has ended.
    """

    shares_folder = False

    def __init__(self, reach: Reach, kit: Callable[[], Kit], on_end: OnEnd) -> None:
        self._reach = reach
        self._kit = kit
        self._on_end = on_end
        self._lock = threading.Lock()
        self._line: _Line | None = None
        self._closed = False

    def facts(self) -> dict[str, Any]:
        """Return what the machine has; see :meth:`Machine.facts`."""
        return self._connected().facts

    def run(self, argv: Sequence[str], stdin: str = "", seconds: float = 60.0) -> CompletedCommand:
        """Run a command there; see :meth:`Machine.run`."""
        args = {"argv": list(argv), "stdin": stdin, "seconds": seconds}
        return CompletedCommand(*self._call("run", args, seconds=seconds + _ANSWER_SECONDS)[0])

    def prepare(self, run_id: str, record: Mapping[str, Any], private: Mapping[str, str]) -> str:
        """Lay out a run directory; see :meth:`Machine.prepare`."""
        args = {"run_id": run_id, "record": dict(record), "private": dict(private)}
        return str(self._call("prepare", args)[0])

    def start(self, run_id: str, native_id: str) -> bool:
        """Start a run; see :meth:`Machine.start`."""
        return bool(self._call("start", {"run_id": run_id, "native_id": native_id})[0])

    def look(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        """Look at runs; see :meth:`Machine.look`."""
        told = self._call("look", {"run_ids": list(run_ids)})[0]
        return {run_id: Observation(*seen) for run_id, seen in told.items()}

    def end(self, run_ids: Sequence[str]) -> None:
        """End runs; see :meth:`Machine.end`."""
        self._call("end", {"run_ids": list(run_ids)}, seconds=_LONG_SECONDS)

    def files(self, run_id: str, digests: bool = False) -> list[FileFacts]:
        """List a run's files; see :meth:`Machine.files`."""
        told = self._call("files", {"run_id": run_id, "digests": digests}, seconds=_LONG_SECONDS)[0]
        return [FileFacts(*each) for each in told]

    def read(self, run_id: str, path: str, offset: int, limit: int) -> bytes:
        """Read a piece of a file; see :meth:`Machine.read`."""
        args = {"run_id": run_id, "path": path, "offset": offset, "limit": min(limit, _BATCH)}
        return self._call("read", args)[1]

    def appended(self, offsets: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, bytes]]:
        """Read on in growing files; see :meth:`Machine.appended`."""
        told: dict[str, dict[str, bytes]] = {}
        for run_id, path, piece in frames.parted(*self._call("appended", {"offsets": offsets})):
            told.setdefault(run_id, {})[path] = piece
        return told

    def missing(self, hashes: Sequence[str]) -> list[str]:
        """Return contents that are not there; see :meth:`Machine.missing`."""
        return list(self._call("missing", {"hashes": list(hashes)})[0])

    def put(self, contents: Iterable[Content]) -> None:
        """Send contents, several frames on their way at once; see :meth:`Machine.put`."""
        line, sent = self._connected(), []
        for pieces, body in _batched(contents):
            sent.append(line.send("put", {"pieces": pieces}, body))
            if len(sent) >= _IN_FLIGHT:
                line.answer(sent.pop(0), _LONG_SECONDS)
        for waiting in sent:
            line.answer(waiting, _LONG_SECONDS)

    def install(self, name: str, sha: str) -> None:
        """Make a content a program there; see :meth:`Machine.install`."""
        self._call("install", {"name": name, "sha": sha})
        self._connected().facts[name] = True

    def put_tree(self, tree: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Keep a tree there; see :meth:`Machine.put_tree`."""
        self._call("put_tree", {"tree": tree, "entries": list(entries)})

    def remove(self, run_id: str) -> None:
        """Delete a run directory there; see :meth:`Machine.remove`."""
        self._call("remove", {"run_id": run_id}, seconds=_LONG_SECONDS)

    def close(self) -> None:
        """Hang up; see :meth:`Machine.close`."""
        self._closed = True
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()

    def _call(self, verb: str, args: dict[str, Any], seconds: float = _ANSWER_SECONDS) -> _Answer:
        line = self._connected()
        return line.answer(line.send(verb, args), seconds)

    def _connected(self) -> _Line:
        with self._lock:
            if self._closed:
                raise MachineUnreachableException(f"The service has let go of machine '{self._reach.name}'.")
            if self._line is None or self._line.broken:
                self._line = _Line(self._reach, self._kit(), self._on_end)
            return self._line


class _Line:
    """One connection to an agent, from its start to its break."""

    def __init__(self, reach: Reach, kit: Kit, on_end: OnEnd) -> None:
        self._reach = reach
        self._on_end = on_end
        self.broken = False
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[_Answer]] = {}
        self._count = 0
        self._lines: dict[int, socket.socket] = {}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - what the command and the agent complain about
        self._child = self._started()
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._out, self._in = self._child.stdin.fileno(), self._child.stdout.fileno()
        try:
            self._bring(kit)
            self._wait_for_input()
            head, _ = frames.read(self._in)
        except (frames.BrokenStream, ValueError) as error:
            self.close()
            raise self._unreachable(str(error)) from error
        self.facts: dict[str, Any] = head["hello"]
        threading.Thread(target=self._read, name=f"machine {reach.name}", daemon=True).start()

    def _started(self) -> subprocess.Popen[bytes]:
        # Read whole before anything is executed, so that no byte meant for the agent is taken for program text.
        text = "import os;n=int(os.read(0,12));t=b''\nwhile len(t)<n:t+=os.read(0,n-len(t))\nexec(t)"
        shell = f"exec python3 -S -E -c {shlex.quote(text)}"
        try:
            return subprocess.Popen(
                [*self._reach.connect, shell],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            raise self._unreachable(f"{self._reach.connect[0]}: {error.strerror}") from error

    def _bring(self, kit: Kit) -> None:
        call = f"\nbegin({kit.digest!r}, {self._reach.workspace!r})\n"
        program = (bootstrap_text() + call).encode()
        self._write(b"%012d" % len(program) + program)
        said = json.loads(self._first_line())
        if tuple(said["python"]) < _OLDEST_PYTHON:
            version = ".".join(map(str, said["python"]))
            raise ValueError(f"its python3 is {version}, and 3.8 or later is needed")
        if not said["there"]:
            self._write(b"%012d" % len(kit.archive) + kit.archive)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._out, view) :]
        except OSError as error:
            raise frames.BrokenStream(str(error)) from error

    def _first_line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            self._wait_for_input()
            byte = os.read(self._in, 1)
            if not byte:
                raise frames.BrokenStream("the connection closed")
            line += byte
        return line

    def _wait_for_input(self) -> None:
        if not select.select([self._in], [], [], _CONNECT_SECONDS)[0]:
            raise frames.BrokenStream(f"nothing came within {_CONNECT_SECONDS:.0f} s")

    def send(self, verb: str, args: dict[str, Any], body: bytes = b"") -> tuple[int, Future[_Answer]]:
        """Send a request; its answer comes later."""
        future: Future[_Answer] = Future()
        with self._lock:
            if self.broken:
                raise self._unreachable("the connection is broken")
            self._count += 1
            number = self._count
            self._waiting[number] = future
            try:
                frames.write(self._out, {"id": number, "verb": verb, "args": args}, body)
            except frames.BrokenStream as error:
                self.broken = True
                raise self._unreachable(str(error)) from error
        return number, future

    def answer(self, sent: tuple[int, Future[_Answer]], seconds: float) -> _Answer:
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
        except frames.BrokenStream as error:
            self._break(str(error))

    def _take(self, head: dict[str, Any], body: bytes) -> None:
        if "ended" in head:
            self._on_end(head["ended"])
        elif "line" in head:
            self._from_script(head["line"], body)
        else:
            with self._lock:
                future = self._waiting.pop(head["id"], None)
            if future is None:
                return
            if "error" in head:
                told = head["error"]
                future.set_exception(named(told["type"])(told["message"], told["details"]))
            else:
                future.set_result((head["ok"], body))

    def _from_script(self, number: int, body: bytes) -> None:
        """Pass on what a script's client says to the service; a new line of it is a new connection to the API."""
        line = self._lines.get(number)
        if line is None and body:
            line = self._lines[number] = socket.create_connection(self._reach.service, timeout=_ANSWER_SECONDS)
            threading.Thread(target=self._to_script, args=(number, line), daemon=True).start()
        if line is not None and body:
            line.sendall(body)
        elif line is not None:
            self._lines.pop(number, None)
            line.close()

    def _to_script(self, number: int, line: socket.socket) -> None:
        line.settimeout(None)
        piece = b"begin"
        while piece:
            try:
                piece = line.recv(1 << 16)
            except OSError:
                piece = b""
            try:
                self.send("tunnel", {"line": number}, piece)
            except MachineUnreachableException:
                return

    def _break(self, why: str) -> None:
        with self._lock:
            self.broken = True
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_exception(self._unreachable(why))
        for line in self._lines.values():
            line.close()
        self.close()

    def close(self) -> None:
        """End the connection; the agent ends by itself."""
        self.broken = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._child.pid, signal.SIGTERM)
        self._child.wait()

    def _unreachable(self, why: str) -> MachineUnreachableException:
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").strip()[-500:]
        return MachineUnreachableException(
            f"Machine '{self._reach.name}' cannot be reached ({said or why}). Try the connection by hand: "
            f"{shlex.join(self._reach.connect)} true"
        )


def _batched(contents: Iterable[Content]) -> Iterator[tuple[list[tuple[str, int, int, bool]], bytes]]:
    """Cut contents into pieces and gather small ones: ([(sha256, offset, length, whether it is the last)], bytes)."""
    listed: list[tuple[str, int, int, bool]] = []
    body: list[bytes] = []
    held = 0
    for sha, size, pieces in contents:
        offset = 0
        for piece in pieces():
            offset += len(piece)
            listed.append((sha, offset - len(piece), len(piece), offset >= size))
            body.append(piece)
            held += len(piece)
            if held >= _BATCH:
                yield listed, b"".join(body)
                listed, body, held = [], [], 0
        if not size:
            listed.append((sha, 0, 0, True))
    if listed:
        yield listed, b"".join(body)
