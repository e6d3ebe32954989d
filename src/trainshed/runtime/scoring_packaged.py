"""Program of a container image with a web service, which :meth:`Model.package` makes.

It answers at port 5001 (``PORT``) of all addresses of the container; which of them others reach is for whoever runs the
container to say. As in SDK v1 no key is wanted, unless ``SERVICE_KEY`` has one. It ends when a process of the service
does, so that the container's restart policy decides what follows.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys

from trainshed.runtime.scoring_neighbours import Board
from trainshed.runtime.scoring_server import ACCESS

TYPE_CHECKING = False  # type checkers treat it like typing.TYPE_CHECKING, and the import is saved
if TYPE_CHECKING:
    from typing import Any, Dict, List

FACTS = "trainshed-service.json"
"""File in the working folder: ``{"name", "script", "models", "folder"}``."""
_PORT = "5001"
_QUEUE = 512


def access(facts: "Dict[str, Any]") -> "Dict[str, Any]":
    """Return who may call the service.

    Args:
        facts: the content of :data:`FACTS`.
    """
    key = os.environ.pop("SERVICE_KEY", "")
    return {
        "name": facts["name"],
        "auth": bool(key),
        "address": secrets.token_urlsafe(16),
        "keys": [key or secrets.token_urlsafe(32)],
        "folder": facts["folder"],
        "anywhere": True,
    }


def _start(
    listener: socket.socket, arguments: "List[str]", orders: "List[int]", board: Board
) -> "subprocess.Popen[bytes]":
    """Start the next process of the service, and wait until it answers.

    Raises:
        SystemExit: it does not start.
    """
    said, says = os.pipe()
    heard, tells = os.pipe()
    told = (listener.fileno(), says, heard)
    command = [sys.executable, "-m", "trainshed.runtime.scoring_server"] + [str(each) for each in told]
    environ = {**os.environ, **board.environ(len(orders))}
    inherited = told + board.descriptors
    worker = subprocess.Popen(command + arguments, pass_fds=inherited, stdin=subprocess.DEVNULL, env=environ)
    os.close(says)
    os.close(heard)
    if not os.read(said, 1):
        raise SystemExit(worker.wait() or 1)
    os.close(said)
    orders.append(tells)
    return worker


def main() -> int:
    """Answer requests until told to stop, or until a process of the service has ended."""
    with open(FACTS, encoding="utf-8") as file:
        facts = json.load(file)
    os.environ[ACCESS] = json.dumps(access(facts))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(os.environ.get("PORT", _PORT))))  # noqa: S104 - of the container
    listener.listen(_QUEUE)
    listener.setblocking(False)
    arguments, orders = [facts["script"]] + facts["models"], []  # type: ignore[var-annotated]

    def stop(*_: "Any") -> None:
        for each in orders:
            with contextlib.suppress(OSError):  # it has ended
                os.write(each, b"d")  # answers what it has accepted, and ends

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    count = int(os.environ.get("WORKER_COUNT") or 1)
    board = Board(count)
    workers = [_start(listener, arguments, orders, board) for _ in range(count)]
    said = "Answering at port {}, with {} process(es)."
    print(said.format(listener.getsockname()[1], len(workers)), flush=True)  # noqa: T201 - the log
    _, status = os.wait()
    stop()
    for worker in workers:
        worker.wait()
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1


if __name__ == "__main__":
    sys.exit(main())
