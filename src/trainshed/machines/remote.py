"""A machine elsewhere: its agent, spoken to over the standard input and output of one kept connection."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from trainshed.errors import MachineAccessException, MachineUnreachableException, ServiceException
from trainshed.machines import frames
from trainshed.machines.bring_python import PythonBringer
from trainshed.machines.connection import AgentConnection, Answer, NoPython, Reach
from trainshed.machines.doors import Doors
from trainshed.machines.kit import Kit
from trainshed.machines.machine import CompletedCommand, Content, FileFacts, JobCommand, Left, Observation, OnEnd, Piece

_LONG_SECONDS = 600.0
_BATCH = 4 << 20
_IN_FLIGHT = 8
_PAUSE = 0.2
"""Seconds after a failed try to connect during which further calls get its error, and make no try of their own."""
_CAUTION = 60.0
"""The same where a login was refused, twice as long after each more: servers shut out who tries too often."""
_MOST_CAUTION = 1800.0


class RemoteMachine:
    """A machine that shares nothing with the service.

    The connection is made at the first call, and again at the first call after it broke. A call that gets no answer is
    a :class:`MachineUnreachableException`, and may be repeated.

    Args:
        reach: how it is reached.
        kit: returns what is brought there.
        on_end: called with a run's id when its shim has ended.

    Attributes:
        doing: what takes its time while the machine is made ready; ``""`` if nothing does.
        doors: sockets here, at which programs there can be called.
    """

    shares_folder = False

    def __init__(self, reach: Reach, kit: Callable[[], Kit], on_end: OnEnd) -> None:
        self._reach = reach
        self._kit = kit
        self._on_end = on_end
        self.patience = reach.patience
        self._connecting = threading.Lock()
        self._connection: AgentConnection | None = None
        self._error: MachineUnreachableException | None = None
        self._not_before = 0.0
        self._caution = _CAUTION
        self._bringer: PythonBringer | None = None
        self.doing = ""
        self.closed = False
        self.doors = Doors(lambda head, body: self._connected().tell_program(head, body))

    @property
    def connected(self) -> bool:
        """Whether there is a connection that is not known to have broken."""
        return self._connection is not None and not self._connection.broken and not self.closed

    def facts(self) -> dict[str, Any]:
        """Return what the machine has; see :meth:`Machine.facts`."""
        return self._connected().facts

    def run(self, argv: Sequence[str], stdin: str = "", seconds: float = 60.0) -> CompletedCommand:
        """Run a command there; see :meth:`Machine.run`."""
        args = {"argv": list(argv), "stdin": stdin, "seconds": seconds}
        return CompletedCommand(*self._call("run", args, seconds=seconds + self.patience)[0])

    def prepare(self, run_id: str, record: Mapping[str, Any], private: Mapping[str, str]) -> str:
        """Lay out a run directory; see :meth:`Machine.prepare`."""
        args = {"run_id": run_id, "record": dict(record), "private": dict(private)}
        return str(self._call("prepare", args)[0])

    def lay_out(self, run_id: str, record: Mapping[str, Any], private: Mapping[str, str], variable: str) -> JobCommand:
        """Lay out a run directory for a job; see :meth:`Machine.lay_out`."""
        args = {"run_id": run_id, "record": dict(record), "private": dict(private), "variable": variable}
        return JobCommand(*self._call("lay_out", args)[0])

    def allow(self, run_id: str, native_id: str) -> None:
        """Let a job start a run; see :meth:`Machine.allow`."""
        self._call("allow", {"run_id": run_id, "native_id": native_id})

    def tell(self, run_id: str, name: str, text: str) -> None:
        """Leave a file for a shim; see :meth:`Machine.tell`."""
        self._call("tell", {"run_id": run_id, "name": name, "text": text})

    def extend(self, run_id: str, pieces: Sequence[tuple[str, int, bytes]], name: str = "", text: str = "") -> None:
        """Add to files there; see :meth:`Machine.extend`."""
        connection = self._connected()
        args = {"run_id": run_id, "pieces": [(path, offset, len(data)) for path, offset, data in pieces]}
        body = b"".join(data for _, _, data in pieces)
        connection.answer(connection.send("extend", {**args, "name": name, "text": text}, body), _LONG_SECONDS)

    def start(self, run_id: str, native_id: str) -> bool:
        """Start a run; see :meth:`Machine.start`."""
        return bool(self._call("start", {"run_id": run_id, "native_id": native_id})[0])

    def look(self, run_ids: Sequence[str] | Mapping[str, str]) -> dict[str, Observation]:
        """Look at runs; see :meth:`Machine.look`."""
        try:
            self._connected()
        except MachineUnreachableException:
            raise
        except ServiceException as error:  # nothing is known of the runs: they may go on
            raise MachineAccessException(error.message) from error
        asked = dict(run_ids) if isinstance(run_ids, Mapping) else list(run_ids)
        told = self._call("look", {"run_ids": asked})[0]
        return {run_id: Observation(*seen) for run_id, seen in told.items()}

    def end(self, run_ids: Sequence[str]) -> None:
        """End runs; see :meth:`Machine.end`."""
        self._call("end", {"run_ids": list(run_ids)}, seconds=_LONG_SECONDS)

    def files(self, run_id: str, digests: bool = False) -> list[FileFacts]:
        """List a run's files; see :meth:`Machine.files`."""
        told = self._call("files", {"run_id": run_id, "digests": digests}, seconds=_LONG_SECONDS)[0]
        return [FileFacts(*each) for each in told]

    def read(self, run_id: str, pieces: Sequence[Piece]) -> list[bytes]:
        """Read pieces of files; see :meth:`Machine.read`."""
        sizes, body = self._call("read", {"run_id": run_id, "pieces": list(pieces)})
        ends = list(itertools.accumulate(sizes))
        return [body[end - size : end] for size, end in zip(sizes, ends, strict=True)]

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
        connection, sent = self._connected(), []
        for pieces, body in _batched(contents):
            sent.append(connection.send("put", {"pieces": pieces}, body))
            if len(sent) >= _IN_FLIGHT:
                connection.answer(sent.pop(0), _LONG_SECONDS)
        for waiting in sent:
            connection.answer(waiting, _LONG_SECONDS)

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

    def run_names(self) -> list[str]:
        """Return the runs that have a directory there; see :meth:`Machine.run_names`."""
        return list(self._call("run_names", {})[0])

    def collect(self, runs: Sequence[str], unused_days: float, with_downloads: bool, dry_run: bool) -> list[Left]:
        """Remove what is not needed there; see :meth:`Machine.collect`."""
        args = {"runs": list(runs), "unused_days": unused_days, "with_downloads": with_downloads, "dry_run": dry_run}
        return [(kind, path, size) for kind, path, size in self._call("collect", args, seconds=_LONG_SECONDS)[0]]

    def close(self) -> None:
        """Hang up, also in the middle of a try to connect; see :meth:`Machine.close`."""
        self.closed = True
        if self._bringer is not None:
            self._bringer.stop()
        if self._connection is not None:
            self._connection.close()

    def try_again(self) -> None:
        """Make the next call try to connect, however the last try has ended: somebody may have changed something."""
        self._not_before, self._caution = 0.0, _CAUTION

    def _call(self, verb: str, args: dict[str, Any], seconds: float = 0.0) -> Answer:
        connection = self._connected()
        return connection.answer(connection.send(verb, args), seconds or self.patience)

    def _connected(self) -> AgentConnection:
        with self._connecting:
            if self._connection is not None and self.connected:
                return self._connection
            if self._error is not None and time.monotonic() < self._not_before:
                raise type(self._error)(self._error.message)
            try:
                connection = self._opened()
            except MachineUnreachableException as error:
                self._postpone(error)
                raise
            self._error, self._caution = None, _CAUTION
            return connection

    def _postpone(self, error: MachineUnreachableException) -> None:
        # Where only an open connection is used, a try costs no login.
        refused = isinstance(error, MachineAccessException) and not self._reach.way.blocked()
        self._error, self._not_before = error, time.monotonic() + (self._caution if refused else _PAUSE)
        if refused:
            self._caution = min(2 * self._caution, _MOST_CAUTION)

    def _opened(self) -> AgentConnection:
        try:
            return self._open()
        except NoPython as lack:
            try:
                self._bringer = PythonBringer(self._reach, lack, self._say)
                self._bringer.bring()
            finally:
                self.doing, self._bringer = "", None
        try:
            return self._open()
        except NoPython as lack:
            raise ServiceException(
                f"Machine '{self._reach.way.name}' cannot be used: the Python that was brought there does not run "
                f"({lack.sysname} {lack.machine}). Name an archive for that machine, or install Python 3.8 or later."
            ) from lack

    def _say(self, doing: str) -> None:
        self.doing = doing

    def _open(self) -> AgentConnection:
        self._connection = AgentConnection(self._reach, self._on_end, self.doors)
        if self.closed:
            raise MachineUnreachableException(
                f"The service has closed its connection to machine '{self._reach.way.name}'."
            )
        self._connection.open(self._kit())
        return self._connection


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
