"""Program: a connection that can be disturbed. ``python wire.py SOCKET COMMAND…``

Stands between the service and the command that reaches a machine. From the test's socket comes first a line of JSON,
``{"delay": seconds, "cut": [bytes to the machine, bytes from it], "held": bool}``, then words, each of which is
answered when it has taken effect: ``hold`` (alive but silent), ``go``, ``cut``.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time


class Pump:
    """One direction."""

    def __init__(self, source: int, goal: int, delay: float, limit: int | None, gate: threading.Event) -> None:
        self._source, self._goal = source, goal
        self._delay, self._left, self._gate = delay, limit, gate
        self._queue: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self.done = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                piece = os.read(self._source, 1 << 16)
            except OSError:
                piece = b""
            self._queue.put((time.monotonic() + self._delay, piece))
            if not piece:
                return

    def _write(self) -> None:
        while True:
            due, piece = self._queue.get()
            time.sleep(max(due - time.monotonic(), 0))
            self._gate.wait()
            if self._left is not None and len(piece) >= self._left:
                piece = piece[: self._left]
                with contextlib.suppress(OSError):
                    os.write(self._goal, piece)
                os._exit(1)
            if not piece:
                break
            if self._left is not None:
                self._left -= len(piece)
            try:
                while piece:
                    piece = piece[os.write(self._goal, piece) :]
            except OSError:
                break
        with contextlib.suppress(OSError):
            os.close(self._goal)
        self.done.set()


def main() -> None:
    control = socket.socket(socket.AF_UNIX)
    control.connect(sys.argv[1])
    orders = control.makefile("rwb", buffering=0)
    plan = json.loads(orders.readline())
    gate = threading.Event()
    if not plan["held"]:
        gate.set()

    def obey() -> None:
        for word in orders:
            if word == b"cut\n":
                os._exit(1)
            gate.clear() if word == b"hold\n" else gate.set()
            orders.write(b"done\n")

    threading.Thread(target=obey, daemon=True).start()
    gate.wait()
    child = subprocess.Popen(sys.argv[2:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    assert child.stdin is not None
    assert child.stdout is not None
    into, back = plan["cut"]
    Pump(0, child.stdin.fileno(), plan["delay"], into, gate)
    Pump(child.stdout.fileno(), 1, plan["delay"], back, gate).done.wait()
    child.wait()
    os._exit(child.returncode)


if __name__ == "__main__":
    main()
