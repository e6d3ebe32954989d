"""Find the service of a workspace on this machine, or start it."""

from __future__ import annotations

import os
import sys

from trainshed.client.http import Connection
from trainshed.client.jsons import loads
from trainshed.client.notice import warn
from trainshed.client.remote import SERVICE, TOKEN, TOKEN_FILE
from trainshed.client.versions import newer, refusal
from trainshed.errors import TYPE_CHECKING, ServiceException, WorkspaceException
from trainshed.spec import settings
from trainshed.version import VERSION

if TYPE_CHECKING:
    from typing import IO, Any

_START_SECONDS = 60.0
_BUSY = 4
_LAST_LINES = 8


def connect(root: str) -> Connection:
    """Return a connection to the service of a workspace; its first call starts the service if necessary.

    Args:
        root: the workspace folder.

    Raises:
        WorkspaceException: no such folder.
    """
    if not os.path.isdir(root):
        raise WorkspaceException(f"There is no workspace at {root}. Create it: Workspace(path='{root}').")
    endpoint = _endpoint(root)
    if endpoint is None or endpoint.get("version") != VERSION or not _lives(int(endpoint["pid"])):
        endpoint = _started(root)
    _warn_of_ignored(endpoint)
    return Connection(_address(endpoint), str(endpoint["token"]), lambda: _renewed(root))


def _warn_of_ignored(endpoint: dict[str, Any]) -> None:
    names = settings.ignored(os.environ, endpoint.get("settings") or {})
    if names:
        warn(
            f"The service runs already and does not see your setting of {', '.join(names)}. "
            "It counts from the service's next start: 'trainshed service stop' (runs go on), then go on as usual."
        )


def running(root: str) -> Connection | None:
    """Return a connection to the service if it is running, otherwise None; never starts it.

    Args:
        root: the workspace folder.
    """
    endpoint = _endpoint(root)
    if endpoint is None:
        return None
    connection = Connection(_address(endpoint), str(endpoint["token"]))
    try:
        connection.call("GET", "/service")
    except ServiceException:
        return None
    return connection


def log_of(root: str) -> str:
    """Return the path of the log of a workspace's service.

    Args:
        root: the workspace folder.
    """
    return os.path.join(root, "service.log")


def _renewed(root: str) -> tuple[str, str]:
    endpoint = _started(root)
    return _address(endpoint), str(endpoint["token"])


def _address(endpoint: dict[str, Any]) -> str:
    return f"http://127.0.0.1:{endpoint['port']}"


def _endpoint(root: str) -> dict[str, Any] | None:
    """Return the contents of the service endpoint file, if only its owner can read it."""
    try:
        with open(os.path.join(root, "service.json"), "rb") as file:
            facts = os.fstat(file.fileno())
            if os.name == "posix" and (facts.st_mode & 0o077 or facts.st_uid != os.getuid()):
                raise WorkspaceException(
                    f"{file.name} contains a token and could be read by others. "
                    f"Run: chmod 600 {file.name}, then trainshed service stop."
                )
            endpoint: dict[str, Any] = loads(file.read())
            return endpoint
    except (FileNotFoundError, ValueError):
        return None


def _started(root: str) -> dict[str, Any]:
    """Start the service; a lock lets only one client do so at a time, and the next finds it running."""
    import fcntl  # absent on Windows, where only a service elsewhere can be used

    with open(os.open(os.path.join(root, "start.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        endpoint = _endpoint(root)
        if endpoint is not None and _answers(endpoint):
            theirs = str(endpoint.get("version"))
            if newer(theirs) and (why := refusal(theirs)):
                raise ServiceException(why)
            if theirs == VERSION or newer(theirs):
                return endpoint
            # A service of an older release: stop it and start ours; its runs continue meanwhile.
            Connection(_address(endpoint), str(endpoint["token"])).call("POST", "/service/stop")
        _launch(root)
        endpoint = _endpoint(root)
    if endpoint is None:
        raise ServiceException(f"The service exited as soon as it had started; see {log_of(root)}.")
    return endpoint


def _lives(pid: int) -> bool:
    """Tell whether the process exists: after a crash of the service, its port may belong to another program."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # another user's process; the request will tell
    return True


def _answers(endpoint: dict[str, Any]) -> bool:
    """Tell whether the service of an endpoint file answers; the file remains if the service is killed."""
    try:
        Connection(_address(endpoint), str(endpoint["token"])).call("GET", "/service")
    except ServiceException:
        return False
    return True


def _launch(root: str) -> None:
    import subprocess  # not needed by the many calls that find the service running

    ready, tell = os.pipe()
    with open(log_of(root), "ab") as log:
        begin = log.tell()
        child = subprocess.Popen(
            [
                os.environ.get("TRAINSHED_SERVICE_PYTHON") or sys.executable,
                "-m",
                "trainshed.service.main",
                root,
                "--ready-fd",
                str(tell),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=root,
            pass_fds=[tell],
            start_new_session=True,
            env={**_environ(), "PYTHONPATH": _import_path()},
        )
    os.close(tell)
    with os.fdopen(ready, "rb") as line:
        told = _line(line)
    if told == b"":
        child.wait()  # the process has ended and closed the pipe
    if told or child.returncode == _BUSY:
        child.returncode = (
            0  # it outlives this process by design: avoid the warning about a child that was not waited for
        )
        return
    raise ServiceException(_why(root, begin, hangs=told is None))


def _environ() -> dict[str, str]:
    """Return the environment for the service, and so for its runs, without variables that lead to another service."""
    return {name: value for name, value in os.environ.items() if name not in (SERVICE, TOKEN, TOKEN_FILE)}


def _line(pipe: IO[bytes]) -> bytes | None:
    """Return what the service prints when it listens: empty if it has exited, None if it prints nothing in time."""
    import select

    return pipe.readline() if select.select([pipe], [], [], _START_SECONDS)[0] else None


def _import_path() -> str:
    """Let the service find this package, even if it is not installed but only on the path."""
    if os.environ.get("TRAINSHED_SERVICE_PATH"):
        # Inside a run, only a part of the package is available.
        return os.environ["TRAINSHED_SERVICE_PATH"]
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    theirs = os.environ.get("PYTHONPATH", "")
    return f"{ours}{os.pathsep}{theirs}" if theirs else ours


def _why(root: str, begin: int, hangs: bool) -> str:
    if hangs:
        return f"The service did not start within {_START_SECONDS:.0f} s; see {log_of(root)}."
    with open(log_of(root), "rb") as log:
        log.seek(begin)
        lines = log.read().decode("utf-8", errors="replace").strip().splitlines()
    tail = "\n".join(lines[-_LAST_LINES:])
    return f"The service could not start. The end of its log {log_of(root)}:\n{tail}"
