"""A program that has taken the place of a service: it answers whatever it is asked, and keeps what it was sent."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ANSWER = {
    "pid": 1,
    "proofs": ["0" * 64],
    "id": "r",
    "status": "Completed",
    "runs": [],
    "missing": [],
    "version": "0.2",
}
_PROGRAM = """
import socket, sys, threading
heard, port, path, answer = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4].encode()
listeners = [socket.create_server(("127.0.0.1", port))]
if path:
    listeners.append(socket.socket(socket.AF_UNIX))
    listeners[-1].bind(path)
    listeners[-1].listen()

def serve(line):
    with line, open(heard, "ab", buffering=0) as file:
        file.write(b"someone called\\n")
        while piece := line.recv(1 << 16):
            file.write(piece)
            if b"\\r\\n\\r\\n" in piece:
                line.sendall(answer)

def accept(listener):
    while True:
        threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()

for listener in listeners:
    threading.Thread(target=accept, args=[listener], daemon=True).start()
print(listeners[0].getsockname()[1], flush=True)
sys.stdin.read()
"""


class Impostor:
    """What an impostor has been sent, and where it listens."""

    def __init__(self, heard: Path, port: int) -> None:
        self._heard, self.port = heard, port

    @property
    def heard(self) -> str:
        """All that it was sent, and a line for each who called."""
        return self._heard.read_text()


@contextlib.contextmanager
def impostor(
    folder: Path,
    port: int = 0,
    path: Path | str = "",
    user: int | None = None,
    answer: bytes | None = None,
    python: str = sys.executable,
) -> Iterator[Impostor]:
    """Let a program listen in place of a service.

    Args:
        folder: where it keeps what it was sent.
        port: TCP port.
        path: of a Unix socket, if any.
        user: who it runs as; None for us.
        answer: what it answers; something that fits many questions otherwise.
        python: its interpreter.
    """
    heard = folder / "heard"
    heard.touch()
    body = json.dumps(_ANSWER).encode()
    said = answer or b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    of: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    if user is not None:
        os.chown(heard, user, user)
    argv = [python, "-I", "-c", _PROGRAM, str(heard), str(port), str(path), said.decode("latin-1")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **of) as program:
        assert program.stdout is not None
        yield Impostor(heard, int(program.stdout.readline()))
        program.communicate()
