"""What a service tells about itself to clients on its machine: the service endpoint file of a workspace."""

from __future__ import annotations

import os
from stat import S_ISREG

from trainshed.client.http import Connection
from trainshed.errors import TYPE_CHECKING, WorkspaceException
from trainshed.system.jsons import loads

if TYPE_CHECKING:
    from typing import Any

    from trainshed.client.http import Refresh

# Neither a link to another file nor a pipe, which nobody may ever write to, stands for the endpoint file.
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_LARGEST = 1 << 16


def read(root: str) -> dict[str, Any] | None:
    """Return the contents of the service endpoint file; None if there is none, or none that could be the service's.

    Args:
        root: the workspace folder.

    Raises:
        WorkspaceException: others can read the token in it.
    """
    try:
        with open(os.open(os.path.join(root, "service.json"), _FLAGS), "rb") as file:
            facts = os.fstat(file.fileno())
            if not S_ISREG(facts.st_mode) or (os.name == "posix" and facts.st_uid != os.getuid()):
                return None
            if os.name == "posix" and facts.st_mode & 0o077:
                raise WorkspaceException(
                    f"{root}/service.json contains a token and could be read by others. "
                    f"Run: chmod 600 {root}/service.json, then trainshed service stop."
                )
            endpoint = loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    return endpoint if isinstance(endpoint, dict) and _plausible(**endpoint) else None


def _plausible(
    pid: Any = 0,
    port: Any = 0,
    token: Any = "",
    version: Any = "",
    socket: Any = None,
    settings: Any = None,
    **_: Any,
) -> bool:
    """Tell whether these can be the facts of a service's endpoint file."""
    numbers = isinstance(pid, int) and isinstance(port, int) and pid > 0 and 0 < port < 1 << 16
    texts = isinstance(token, str) and isinstance(version, str) and token.isascii() and token and version[:1].isdigit()
    where = socket is None or (isinstance(socket, str) and "\0" not in socket)
    return bool(numbers and texts and where and isinstance(settings, (dict, type(None))))


def log_of(root: str) -> str:
    """Return the path of the log of a workspace's service.

    Args:
        root: the workspace folder.
    """
    return os.path.join(root, "service.log")


def connection_to(endpoint: dict[str, Any], refresh: Refresh | None = None) -> Connection:
    """Return a connection to a service that has told where it is.

    Args:
        endpoint: from :func:`read`.
        refresh: as for :class:`Connection`.
    """
    return Connection(*where(endpoint)[:2], refresh, where(endpoint)[2])


def where(endpoint: dict[str, Any]) -> tuple[str, str, str | None]:
    """Return address, token and Unix socket of a service.

    Args:
        endpoint: from :func:`read`.
    """
    return f"http://127.0.0.1:{endpoint['port']}", endpoint["token"], endpoint.get("socket")
