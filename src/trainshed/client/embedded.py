"""Find the service of a workspace on this machine, or start it."""

from __future__ import annotations

import os

from trainshed.client import locations
from trainshed.client.endpoint import connection_to, read, where
from trainshed.client.http import Connection
from trainshed.client.notice import warn
from trainshed.errors import TYPE_CHECKING, WorkspaceException
from trainshed.spec import settings
from trainshed.version import VERSION

if TYPE_CHECKING:
    from typing import Any


def connect(root: str) -> Connection:
    """Return a connection to the service of a workspace; its first call starts the service if necessary.

    Args:
        root: the workspace folder.

    Raises:
        WorkspaceException: no such folder, or not this user's alone.
        ServiceException: the service cannot be started.
    """
    if not os.path.isdir(root):
        raise WorkspaceException(f"There is no workspace at {root}. Create it: Workspace(path='{root}').")
    locations.check_owner(root)
    endpoint = read(root)
    if endpoint is None or endpoint["version"] != VERSION or not _lives(endpoint["pid"]):
        endpoint = _started(root)
    warn_of_ignored(endpoint)
    return connection_to(endpoint, lambda: _renewed(root))


def warn_of_ignored(endpoint: dict[str, Any]) -> None:
    """Tell the user which settings a running service does not know of.

    Args:
        endpoint: of the service.
    """
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

    Raises:
        ServiceException: it is running and does not answer.
    """
    from trainshed.client.starting import found  # a call that finds the service running does without

    endpoint = found(root)
    return None if endpoint is None else connection_to(endpoint)


def _started(root: str) -> dict[str, Any]:
    from trainshed.client.starting import started  # see running

    return started(root)


def _renewed(root: str) -> tuple[str, str, str | None]:
    return where(_started(root))


def _lives(pid: int) -> bool:
    """Tell whether the process exists: after a crash of the service, its port may belong to another program."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's process; the request will tell
    return True
