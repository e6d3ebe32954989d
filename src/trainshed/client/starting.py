"""Find the service of a workspace whatever its endpoint file says, make room for ours, and start it.

Two locks keep order. A service holds ``service.lock`` as long as it lives, so there is never more than one. A client
holds ``start.lock`` while it starts one, so that others wait for this one instead of starting their own in vain; it is
only a courtesy, and nobody waits long for a client that is stopped. Each holder writes its pid into its lock.
"""

from __future__ import annotations

import contextlib
import fcntl  # absent on Windows, where only a service elsewhere can be used
import os
import signal
import stat
import time
from collections.abc import Iterator
from typing import Any

from trainshed.client.endpoint import connection_to, log_of, read
from trainshed.client.launching import launch
from trainshed.client.notice import warn
from trainshed.client.versions import older, refusal
from trainshed.errors import ServiceException, TrainshedError, WorkspaceException
from trainshed.system.process import boot_id

_STARTS = 4
"""Starts of a service that is killed again as soon as it listens."""
_ANSWER_SECONDS = 10.0
_TURN_SECONDS = 20.0
_SILENCE_SECONDS = 60.0
_NOTICE_SECONDS = 2.0


class _Patience:
    """Waits, in steps, for what no event tells, and says so once if it takes long."""

    def __init__(self, seconds: float, notice: str) -> None:
        self._begun, self._seconds = time.monotonic(), seconds
        self._notice, self._pause = notice, 0.02

    def goes_on(self, holder: int) -> bool:
        """Wait a moment for a process; return False instead if it has taken too long."""
        waited = time.monotonic() - self._begun
        if waited > self._seconds:
            return False
        if self._notice and waited > _NOTICE_SECONDS:
            warn(self._notice.format(_named(holder)))
            self._notice = ""
        time.sleep(self._pause)
        self._pause = min(1.5 * self._pause, 0.5)
        return True


def started(root: str) -> dict[str, Any]:
    """Return the endpoint of the service of a workspace, which is started if necessary.

    Args:
        root: the workspace folder.

    Raises:
        ServiceException: it cannot be started, or does not answer, or is of a newer release.
    """
    if os.environ.get("TRAINSHED_SERVICE_BOOT", boot_id()) != boot_id():
        return _elsewhere(root)
    with _turn(root):
        for _ in range(_STARTS):
            endpoint = found(root)
            if endpoint is None:
                endpoint = read(root) if launch(root) else None
                if endpoint is not None:
                    return endpoint
            elif older(endpoint["version"]):
                # Stop it and start ours; its runs continue meanwhile.
                connection_to(endpoint).call("POST", "/service/stop")
                until_stopped(root)
            else:
                why = refusal(endpoint["version"])
                if why:
                    raise ServiceException(why)
                return endpoint
    raise ServiceException(f"The service exits as soon as it has started; see {log_of(root)}.")


def _elsewhere(root: str) -> dict[str, Any]:
    """Return the endpoint of a service from a node of a cluster, on which none must be started: locks may not reach it.

    Raises:
        ServiceException: it cannot be reached from there.
    """
    endpoint = read(root)
    if endpoint is not None and _answers(endpoint):
        return endpoint
    raise ServiceException(
        "This run is on a node of a cluster, from which the service of its workspace cannot be reached. Metrics, logs "
        "and files in outputs/ do not need it. Child runs, models and datasets by name are for runs on 'local'."
    )


def found(root: str) -> dict[str, Any] | None:
    """Return the endpoint of the service that lives; None if none does.

    Its endpoint file may be lost or damaged: it is asked to write it again.

    Args:
        root: the workspace folder.

    Raises:
        ServiceException: one lives, and does not answer.
    """
    patience = _Patience(_SILENCE_SECONDS, f"Waiting for {{}}, the service of the workspace {root}, to answer.")
    while True:
        endpoint = read(root)
        if endpoint is not None and _answers(endpoint):
            return endpoint
        holder = _holder(os.path.join(root, "service.lock"))
        if holder is None:
            return None
        if endpoint is not None and endpoint.get("socket") is None and older(endpoint["version"]):
            raise _stuck(root, holder, f"is Trainshed {endpoint['version']}, which cannot prove that it is")
        with contextlib.suppress(ProcessLookupError, PermissionError):  # of another pid namespace
            if holder:
                os.kill(holder, signal.SIGCONT)
        if not patience.goes_on(holder):
            raise _stuck(root, holder, "does not answer")


def until_stopped(root: str) -> None:
    """Wait until the service that was told to stop has let go of the workspace.

    Args:
        root: the workspace folder.

    Raises:
        ServiceException: it has not, for a minute.
    """
    patience = _Patience(_SILENCE_SECONDS, f"Waiting for {{}}, the service of the workspace {root}, to stop.")
    while True:
        holder = _holder(os.path.join(root, "service.lock"))
        if holder is None:
            return
        if not patience.goes_on(holder):
            raise _stuck(root, holder, "has been told to stop and has not")


def _stuck(root: str, holder: int, what: str) -> ServiceException:
    return ServiceException(
        f"The workspace {root} is served by {_named(holder)}, which {what}; see {log_of(root)}. "
        f"End it ('kill -9 {holder or 'PID'}'): its runs go on, and the next command starts the service again."
    )


def _answers(endpoint: dict[str, Any]) -> bool:
    """Tell whether the service of an endpoint file answers; the file remains if the service is killed."""
    connection = connection_to(endpoint)
    try:
        return bool(connection.call("GET", "/service", seconds=_ANSWER_SECONDS)["pid"] == endpoint["pid"])
    except (TrainshedError, KeyError, TypeError):
        return False
    finally:
        connection.close()


@contextlib.contextmanager
def _turn(root: str) -> Iterator[None]:
    """Take turns at starting the service, but wait neither for a stopped client nor longer than there is no service."""
    patience = _Patience(_TURN_SECONDS, f"Waiting for {{}}, which is starting the service of the workspace {root}.")
    path, seen = os.path.join(root, "start.lock"), None
    with _opened(path, os.O_RDWR | os.O_CREAT) as fd:
        while not _take(fd):
            endpoint = read(root)
            if endpoint is not None and endpoint != seen and _answers(endpoint):
                break
            seen = endpoint
            if not patience.goes_on(_pid_in(fd)):
                break
        yield


def _holder(path: str) -> int | None:
    """Return the pid of the process that holds a lock, 0 if it is not known, or None if nobody holds it."""
    try:
        with _opened(path, os.O_RDONLY) as fd:
            try:
                fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _pid_in(fd)
    except FileNotFoundError:
        pass
    return None


def _take(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    os.ftruncate(fd, 0)
    os.pwrite(fd, b"%d" % os.getpid(), 0)
    return True


def _pid_in(fd: int) -> int:
    text = os.pread(fd, 20, 0)
    return int(text) if text.isdigit() else 0


def _named(pid: int) -> str:
    return f"process {pid}" if pid else "another process"


@contextlib.contextmanager
def _opened(path: str, flags: int) -> Iterator[int]:
    try:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise WorkspaceException(f"{path} cannot be opened ({error.strerror}). Remove it, and try again.") from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise WorkspaceException(f"{path} is not an ordinary file. Remove it, and try again.")
        yield fd
    finally:
        os.close(fd)
