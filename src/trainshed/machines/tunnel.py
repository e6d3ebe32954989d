"""The service's API for scripts on another machine: a Unix socket there, whose bytes travel in the agent's frames.

A script's own client gets the socket's address as ``TRAINSHED_SERVICE``. Nothing on the machine of the service is
opened for it: the connection to the agent, which the service has made, carries both ways.

The shim of a run on several hosts says here, too, that it has left something for the others
(:func:`trainshed.node.pool.tell_news`).
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any, Callable, Dict, Tuple

from trainshed.errors import MachineUnreachableException
from trainshed.node.pool import NEWS

Say = Callable[[Dict[str, Any], bytes], None]
_PIECE = 1 << 16
_PATIENCE = 30.0
"""Seconds for which one end may read nothing of what is sent to it."""


class Tunnel:
    """The end on the machine of the scripts: listens, and sends on what comes in.

    Args:
        path: of the socket; it is the same for every agent of a workspace, so that scripts find the next one.
        say: sends a frame to the service.
        news: called with a run of which a shim has news.
    """

    def __init__(self, path: str, say: Say, news: Callable[[str], None]) -> None:
        self._say = say
        self._news = news
        self._open: dict[int, socket.socket] = {}
        self._lock = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(f"{path}.{os.getpid()}")
        os.chmod(f"{path}.{os.getpid()}", 0o600)
        self._listener.listen(64)
        os.replace(f"{path}.{os.getpid()}", path)
        threading.Thread(target=self._accept, name="tunnel", daemon=True).start()

    def take(self, args: dict[str, Any], body: bytes) -> None:
        """Hand on what the service sent; an empty body closes."""
        with self._lock:
            line = self._open.get(args["line"])
        if line is None:
            return
        if not body:
            self._drop(args["line"])
            return
        try:
            line.sendall(body)
        except OSError:  # also one that has not read for too long, and held up the others
            self._drop(args["line"])

    def close(self) -> None:
        """Hang up."""
        self._listener.close()
        for number in list(self._open):
            self._drop(number)

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            line.settimeout(_PATIENCE)
            with self._lock:
                self._open[number] = line
            threading.Thread(target=self._pump, args=(number, line), daemon=True).start()

    def _pump(self, number: int, line: socket.socket) -> None:
        while True:
            try:
                piece = line.recv(_PIECE)
            except socket.timeout:
                continue  # a client may be silent for as long as it likes
            except OSError:
                piece = b""
            if piece.startswith(NEWS):
                self._news(piece[len(NEWS) :].decode("ascii", "replace").strip())
                self._drop(number)
                return
            self._say({"line": number}, piece)
            if not piece:
                return

    def _drop(self, number: int) -> None:
        with self._lock:
            line = self._open.pop(number, None)
        if line is not None:
            line.close()


class ScriptLines:
    """The end on the machine of the service: a connection to its API for each of a script's client there.

    Args:
        service: host and port of the API.
        say: sends a frame to the agent.
    """

    def __init__(self, service: Tuple[str, int], say: Say) -> None:
        self._service = service
        self._say = say
        self._open: dict[int, socket.socket] = {}

    def take(self, number: int, body: bytes) -> None:
        """Pass on what a script's client says; an empty body closes its line."""
        try:
            if body and number not in self._open:
                self._open[number] = socket.create_connection(self._service, timeout=_PATIENCE)
                threading.Thread(target=self._pump, args=(number, self._open[number]), daemon=True).start()
            if body:
                self._open[number].sendall(body)
                return
        except OSError:
            self._tell(number, b"")
        line = self._open.pop(number, None)
        if line is not None:
            line.close()

    def _pump(self, number: int, line: socket.socket) -> None:
        piece = b"begin"
        while piece:
            try:
                piece = line.recv(_PIECE)
            except TimeoutError:
                continue
            except OSError:
                piece = b""
            if not self._tell(number, piece):
                return

    def _tell(self, number: int, piece: bytes) -> bool:
        try:
            self._say({"line": number}, piece)
        except MachineUnreachableException:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        while self._open:
            self._open.popitem()[1].close()
