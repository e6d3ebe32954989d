"""Who is at the other end of a connection on this machine. Light in imports: a client asks before it sends anything."""

from __future__ import annotations

import sys

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from typing import Optional, Tuple
else:
    try:
        import _socket as socket  # imported in a fraction of the time
    except ImportError:  # another Python than CPython
        import socket

LONGEST_PATH = 103
"""Bytes of the path of a Unix socket: what macOS can take; Linux can take four more."""
_SOL_LOCAL, _LOCAL_PEERCRED = 0, 1
_ESTABLISHED = "01"
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


def uid_at(peer: Tuple[str, int], own: int) -> Optional[int]:
    """Return the user id of the process at the other end of a TCP connection on this machine.

    Args:
        peer: address and port of the other end.
        own: our port.

    Returns:
        None if the system does not say, as outside Linux.
    """
    if peer[0] != "127.0.0.1":
        return None
    wanted = f"0100007F:{peer[1]:04X}", f"0100007F:{own:04X}"
    try:
        with open("/proc/net/tcp", encoding="ascii") as table:
            for line in table:
                fields = line.split(None, 8)
                if fields[1:3] == [*wanted] and fields[3] == _ESTABLISHED:
                    return int(fields[7])
    except (OSError, ValueError, IndexError):
        pass
    return None
