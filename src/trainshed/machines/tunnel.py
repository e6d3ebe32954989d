"""The service's API for scripts on another machine: a Unix socket there, whose bytes travel in the agent's frames.

A script's own client gets the socket's address as ``TRAINSHED_SERVICE``. Nothing on the machine of the service is
opened for it: the connection to the agent, which the service has made, carries both ways.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import Any, Callable, Dict

Say = Callable[[Dict[str, Any], bytes], None]
_PIECE = 1 << 16


class Tunnel:
    """The end on the machine of the scripts: listens, and sends on what comes in.

    Args:
        path: of the socket; it is the same for every agent of a workspace, so that scripts find the next one.
        say: sends a frame to the service.
    """

    def __init__(self, path: str, say: Say) -> None:
        self._say = say
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
        with contextlib.suppress(OSError):
            line.sendall(body)

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
            with self._lock:
                self._open[number] = line
            threading.Thread(target=self._pump, args=(number, line), daemon=True).start()

    def _pump(self, number: int, line: socket.socket) -> None:
        while True:
            try:
                piece = line.recv(_PIECE)
            except OSError:
                piece = b""
            self._say({"line": number}, piece)
            if not piece:
                return

    def _drop(self, number: int) -> None:
        with self._lock:
            line = self._open.pop(number, None)
        if line is not None:
            line.close()
