"""The tests' end of disturbed connections: see :mod:`wire`."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

_PROGRAM = str(Path(__file__).with_name("wire.py"))


class Wires:
    """All connections to one machine.

    Args:
        path: of a socket to make; a short one.
        connect: the command that reaches the machine.
        delay: seconds that each byte takes, each way.
    """

    def __init__(self, path: Path, connect: list[str], delay: float = 0.0) -> None:
        self.connect = [sys.executable, _PROGRAM, str(path), *connect]
        self.count = 0
        self._delay = delay
        self._held = False
        self._cuts: list[tuple[int | None, int | None]] = []
        self._open: list[tuple[socket.socket, Any]] = []
        self._change = threading.Condition()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with self._change:
                cut = self._cuts.pop(0) if self._cuts else (None, None)
                self.count += 1
                words = line.makefile("rwb", buffering=0)
                with contextlib.suppress(OSError):
                    words.write(json.dumps({"delay": self._delay, "cut": cut, "held": self._held}).encode() + b"\n")
                self._open.append((line, words))
                self._change.notify_all()

    def cut_next(self, cuts: list[tuple[int | None, int | None]]) -> None:
        """Break the next connections after so many bytes to the machine and from it."""
        with self._change:
            self._cuts = list(cuts)

    def cut(self) -> None:
        """Break the connections there are."""
        self._say(b"cut\n")

    def hold(self) -> None:
        """Let nothing through any more, on those there are and those to come."""
        self._held = True
        self._say(b"hold\n")

    def go(self) -> None:
        """Let everything through again."""
        self._held = False
        self._say(b"go\n")

    def wait_for(self, count: int) -> None:
        """Wait until so many connections have been asked for, all in all."""
        with self._change:
            assert self._change.wait_for(lambda: self.count >= count, 60), f"{self.count} connections, not {count}"

    def _say(self, word: bytes) -> None:
        with self._change:
            for line, words in list(self._open):
                try:
                    words.write(word)
                    if not words.readline():
                        raise BrokenPipeError
                except OSError:
                    self._open.remove((line, words))
                    words.close()
                    line.close()

    def close(self) -> None:
        """Break everything."""
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
