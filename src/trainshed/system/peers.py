"""Who is on the other end of a Unix socket. Light in imports: a client asks it before it sends anything."""

from __future__ import annotations

import sys

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
else:
    try:
        import _socket as socket  # imported in a fraction of the time
    except ImportError:  # another Python than CPython
        import socket

LONGEST_PATH = 103
"""Bytes of the path of a Unix socket: what macOS can take; Linux can take four more."""
_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1
_CREDENTIALS = 76
"""Bytes of the larger of the two structures, BSD's ``xucred``."""


def uid_of(connection: socket.socket) -> int:
    """Return the user id of the process that connected, or that listened, at the other end of a Unix socket.

    Args:
        connection: a connected Unix socket.

    Raises:
        OSError: the system does not say.
    """
    if hasattr(socket, "SO_PEERCRED"):
        told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS)
    else:
        told = connection.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _CREDENTIALS)
    # Linux has the process id before it, BSD and macOS the version of the structure.
    return int.from_bytes(told[4:8], sys.byteorder)
