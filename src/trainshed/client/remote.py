"""A service known only by its address and token: it may run on another machine or as another user."""

from __future__ import annotations

import os

from trainshed.client.http import Connection
from trainshed.errors import AuthenticationException

SERVICE = "TRAINSHED_SERVICE"
TOKEN = "TRAINSHED_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE = "TRAINSHED_TOKEN_FILE"  # noqa: S105 - the name of a variable


def address() -> str | None:
    """Return the address set in the environment, ``http://host:port``, or None."""
    return os.environ.get(SERVICE) or None


def connect(where: str, token: str | None = None) -> Connection:
    """Return a connection that neither starts nor stops the service.

    Args:
        where: ``http://host:port``, or ``unix:/path`` of a socket.
        token: the service's token; by default from the environment, which should name a file that contains it.

    Raises:
        AuthenticationException: there is no token, or others can read its file.
        ServiceException: the address has another form.
    """
    return Connection(where, token or _token(where))


def _token(where: str) -> str:
    path = os.environ.get(TOKEN_FILE)
    token = _content(path) if path else os.environ.get(TOKEN, "").strip()
    if not token:
        raise AuthenticationException(
            f"There is no token for the service at {where}. Put it into a file that only you can read, and set "
            f"{TOKEN_FILE} to its path; 'trainshed service access --token-file FILE' writes one where the service runs."
        )
    return token


def _content(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise AuthenticationException(f"{path} contains a token and can be read by others: chmod 600 {path}")
            return file.read().strip()
    except (OSError, ValueError) as error:
        raise AuthenticationException(f"The token file {path} ({TOKEN_FILE}) cannot be read: {error}.") from error
