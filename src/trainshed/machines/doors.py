"""Ports of programs on another machine, as sockets here: the machine's one connection carries what is said to them.

Here a :class:`Door` listens for callers; there :class:`~trainshed.machines.tunnel.ScriptLines` calls the program.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, Callable, Dict

from trainshed.errors import TrainshedError

Send = Callable[[Dict[str, Any], bytes], None]
_PIECE = 1 << 16
_PATIENCE = 30.0
"""Seconds for which a caller may read nothing of what is sent to it."""


class Door:
    """A socket here at which a program there can be called.

    Args:
        listener: the listening socket.
        port: of the program there, at the loopback address.
        send: sends a frame to the machine.
    """

    def __init__(self, listener: socket.socket, port: int, send: Send) -> None:
        self._listener = listener
        self._port = port
        self._send = send
        self._lock = threading.Lock()
        self._open: dict[int, socket.socket] = {}
        threading.Thread(target=self._accept, name=f"door to {port}", daemon=True).start()

    def take(self, number: int, body: bytes) -> None:
        """Hand on what the program there said on a line; nothing: it hung up."""
        with self._lock:
            line = self._open.get(number)
        if line is None:
            return
        try:
            if body:
                line.sendall(body)
                return
        except OSError:  # also a caller that has not read for too long, and held up the others
            pass
        self._drop(number)

    def hang_up(self) -> None:
        """Close all lines: the connection to the machine has broken."""
        for number in list(self._open):
            self._drop(number)

    def close(self) -> None:
        """Close the socket, and all lines."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            number += 1
            line.settimeout(_PATIENCE)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open[number] = line
            threading.Thread(target=self._pump, args=(number, line), daemon=True).start()

    def _pump(self, number: int, line: socket.socket) -> None:
        piece = b"begin"
        while piece:
            try:
                piece = line.recv(_PIECE)
            except socket.timeout:
                continue  # a caller may be silent for as long as it likes
            except OSError:
                piece = b""
            try:
                self._send({"line": number, "port": self._port}, piece)
            except TrainshedError:  # the machine cannot be reached
                break
        self._drop(number)

    def _drop(self, number: int) -> None:
        with self._lock:
            line = self._open.pop(number, None)
        if line is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # so that the thread that reads from it ends
            line.close()


class Doors:
    """All doors to one machine.

    Args:
        send: sends a frame to the machine.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._doors: dict[int, Door] = {}

    def add(self, listener: socket.socket, port: int) -> None:
        """Have a program there called by whoever connects here.

        Args:
            listener: the listening socket here.
            port: of the program there.
        """
        self._doors[port] = Door(listener, port, self._send)

    def close(self, port: int) -> None:
        """End that.

        Args:
            port: of the program there.
        """
        door = self._doors.pop(port, None)
        if door is not None:
            door.close()

    def take(self, head: dict[str, Any], body: bytes) -> None:
        """Hand on a frame from the machine.

        Args:
            head: ``{"port", "line"}``.
            body: what was said; nothing: the program hung up.
        """
        door = self._doors.get(head["port"])
        if door is not None:
            door.take(head["line"], body)

    def hang_up(self) -> None:
        """Close all lines: the connection to the machine has broken."""
        for door in list(self._doors.values()):
            door.hang_up()
