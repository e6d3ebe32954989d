"""Program: serve one workspace. ``python -m trainshed.service.main WORKSPACE_FOLDER [--ready-fd N]``."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from trainshed.errors import TrainshedError, UserErrorException
from trainshed.service.access import Access
from trainshed.service.app import application
from trainshed.service.context import ServiceContext
from trainshed.service.endpoint import Endpoint
from trainshed.service.log import ServiceLog
from trainshed.service.mlflow.search_routes import warm
from trainshed.service.server import Server, listening
from trainshed.spec import settings
from trainshed.system import ownership, umask
from trainshed.version import VERSION
from trainshed.web.sessions import Sessions

log = logging.getLogger("trainshed.service")
IDLE_SECONDS = 300.0
_CLOSE_SECONDS = 3.0
BUSY = 4
"""Exit code if another process serves the workspace."""


def main() -> int:
    """Serve until told to stop, or until no run is active and no request has arrived for a while.

    Once clients have been given its address and a token it does not exit when idle, because they cannot start it.

    Returns:
        0; 1 if the workspace cannot be served; :data:`BUSY` if another process serves it.
    """
    # Only clients start this program; argparse would take 6 ms of every start.
    workspace, ready_fd = Path(sys.argv[1]), int(sys.argv[3]) if sys.argv[2:3] == ["--ready-fd"] else None
    umask.restrict()
    # A shorter switch interval lets threads that store received data wait less: uploads take a fifth less time.
    sys.setswitchinterval(0.0005)
    log_file = ServiceLog()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=[log_file])
    home = Path(os.environ.get("TRAINSHED_HOME") or Path.home() / ".trainshed")
    for folder in (home, workspace):
        if why := ownership.trouble(str(folder.absolute())):
            print(why, file=sys.stderr)  # noqa: T201 - the client shows it
            return 1
    with _sole_service(workspace) as sole:
        if not sole:
            return BUSY
        try:
            asyncio.run(_serve(workspace, home, ready_fd, log_file))
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
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d" % os.getpid(), 0)  # whom a client asks that finds no endpoint file
            yield True
            return
    finally:
        os.close(fd)


async def _serve(root: Path, home: Path, ready_fd: int | None, log_file: ServiceLog) -> None:
    server = Server(log_file.tell)
    access, sessions, token = Access(root), Sessions(root), secrets.token_urlsafe(32)
    if access.known and os.environ.get("MLFLOW_TRACKING_TOKEN") == access.known:
        del os.environ[
            "MLFLOW_TRACKING_TOKEN"
        ]  # a client's, by get_mlflow_tracking_uri; a run may log to a server of others
    port = access.port or _port() or sessions.port
    with listening(root, port) as listeners:
        sessions.keep(port or listeners.port)
        context = ServiceContext(root, home, listeners.port, access, sessions)
        context.bus.attach(asyncio.get_running_loop())
        context.stop = server.stop
        where = {"pid": os.getpid(), "port": listeners.port, "socket": listeners.path}
        facts = {**where, "token": token, "started": time.time(), "version": VERSION}
        endpoint = Endpoint(root, {**facts, "settings": settings.marks(os.environ)})
        idle = asyncio.create_task(_leave_when_idle(context))
        try:
            context.start()
            endpoint.keep()
            if access.port:
                warm(context)
            if ready_fd is not None:
                os.write(ready_fd, b"ready\n")
                os.close(ready_fd)
            log_file.rotate(root / "service.log")
            log.info("serving %s on port %d and %s", root, listeners.port, listeners.path)
            await server.run_until_stopped(application(context, token), listeners, endpoint.remove)
        finally:
            idle.cancel()
            endpoint.remove()
            _exit_in_any_case()
            await asyncio.to_thread(context.close)


def _port() -> int:
    """Return the port that the user has chosen; 0 for none."""
    text = os.environ.get("TRAINSHED_PORT") or "0"
    if not text.isdecimal() or int(text) >= 1 << 16:
        raise UserErrorException(f"TRAINSHED_PORT is {text[:40]!r}; it must be a port, such as 8123.")
    return int(text)


def _exit_in_any_case() -> None:
    """Exit even if a thread hangs, for example on a machine that does not answer; all that matters is stored."""
    timer = threading.Timer(_CLOSE_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()


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
