"""Program: serve one workspace. ``python -m trainshed.service.main WORKSPACE_FOLDER [--ready-fd N]``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from trainshed.errors import TrainshedError
from trainshed.service.access import Access
from trainshed.service.catalog import ROUTES as CATALOG
from trainshed.service.context import ServiceContext
from trainshed.service.guard import (
    BY_SOCKET,
    Guard,
    internal_error_response,
    page_key,
    unknown_route_response,
    user_error_response,
)
from trainshed.service.interactive_routes import ROUTES as INTERACTIVE
from trainshed.service.journal_routes import ROUTES as JOURNAL
from trainshed.service.models import ROUTES as MODELS
from trainshed.service.page import ROUTES as PAGES
from trainshed.service.removal_routes import ROUTES as REMOVAL
from trainshed.service.routes import ROUTES
from trainshed.service.secrets import ROUTES as SECRETS
from trainshed.service.transfers import ROUTES as TRANSFERS
from trainshed.service.workspace_routes import ROUTES as WORKSPACE
from trainshed.spec import settings
from trainshed.system import files
from trainshed.version import VERSION

log = logging.getLogger("trainshed.service")
IDLE_SECONDS = 300.0
BUSY = 4
"""Exit code if another process serves the workspace."""


def main() -> int:
    """Serve until told to stop, or until no run is active and no request has arrived for a while.

    Once clients have been given its address and a token it does not exit when idle, because they cannot start it.

    Returns:
        0; 1 if the workspace cannot be served; :data:`BUSY` if another process serves it.
    """
    parser = argparse.ArgumentParser(prog="trainshed.service", description=__doc__)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--ready-fd", type=int, help="descriptor to which one line is written when the service listens")
    options = parser.parse_args()
    # A shorter switch interval lets threads that store received data wait less: uploads take a fifth less time.
    sys.setswitchinterval(0.0005)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    home = Path(os.environ.get("TRAINSHED_HOME") or Path.home() / ".trainshed")
    with _sole_service(options.workspace) as sole:
        if not sole:
            return BUSY
        try:
            asyncio.run(_serve(options.workspace, home, options.ready_fd))
        except TrainshedError as error:
            print(error.message, file=sys.stderr)  # noqa: T201 - the client shows it
            return 1
    return 0


@contextlib.contextmanager
def _sole_service(root: Path) -> Iterator[bool]:
    """Take the workspace's lock, waiting briefly for a service that is exiting."""
    fd = os.open(root / "service.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + 10
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if (root / "service.json").exists() or time.monotonic() > deadline:
                    yield False
                    return
                time.sleep(0.02)  # a service that has removed its endpoint file releases its lock in a moment
                continue
            yield True
            return
    finally:
        os.close(fd)


async def _serve(root: Path, home: Path, ready_fd: int | None) -> None:
    access = Access(root)
    listener, token = _listen(access.port), secrets.token_urlsafe(32)
    port = listener.getsockname()[1]
    context = ServiceContext(root, home, port, access)
    context.bus.attach(asyncio.get_running_loop())
    app = Starlette(
        routes=[*INTERACTIVE, *JOURNAL, *WORKSPACE, *PAGES, *ROUTES, *TRANSFERS, *CATALOG, *MODELS, *SECRETS, *REMOVAL],
        exception_handlers={
            TrainshedError: user_error_response,
            HTTPException: unknown_route_response,
            Exception: internal_error_response,
        },
    )
    app.state.context = context
    app.state.page_key = page_key(token.encode())
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}", BY_SOCKET})
    config = uvicorn.Config(
        Guard(app, token, hosts, context.seen, lambda: access.known),
        lifespan="off",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    context.stop = stop
    context.supervisor.start()
    facts = {"pid": os.getpid(), "port": port, "token": token, "started": time.time(), "version": VERSION}
    _write_endpoint(root, {**facts, "settings": settings.marks(os.environ)})
    if ready_fd is not None:
        os.write(ready_fd, b"ready\n")
        os.close(ready_fd)
    idle = asyncio.create_task(_leave_when_idle(context))
    log.info("serving %s on port %d", root, port)
    try:
        await server.serve([listener])
    finally:
        idle.cancel()
        with contextlib.suppress(FileNotFoundError):
            (root / "service.json").unlink()
        await asyncio.to_thread(context.close)


def _listen(port: int) -> socket.socket:
    # Named by its protocol, because otherwise asyncio leaves Nagle's algorithm on: 40 ms per response.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Connections of a service that has just exited do not block its port.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        log.warning("port %d is taken (%s): clients that know only the address will not find this service", port, error)
        listener.bind(("127.0.0.1", 0))
    listener.listen(1024)
    return listener


def _write_endpoint(root: Path, facts: dict[str, object]) -> None:
    """Write the service endpoint file, atomically and readable only by the owner."""
    files.write(str(root / "service.json"), json.dumps(facts))


async def _leave_when_idle(context: ServiceContext) -> None:
    patience = float(os.environ.get("TRAINSHED_IDLE_SECONDS") or IDLE_SECONDS)
    while True:
        left = context.last_seen + patience - time.monotonic()
        if left > 0:
            await asyncio.sleep(left)
        elif await asyncio.to_thread(_is_needed, context):
            await asyncio.sleep(patience)
        else:
            context.stop()
            return


def _is_needed(context: ServiceContext) -> bool:
    """Tell whether runs are active, or clients exist that could not start the service again."""
    return bool(context.access.port or context.history.active())


if __name__ == "__main__":
    sys.exit(main())
