"""Ports of this machine that nobody else gets until they are used."""

from __future__ import annotations

import socket
from typing import List


def reserve(count: int) -> List[socket.socket]:
    """Return sockets, each bound to a free port of all addresses and not listening.

    While such a socket is open the system gives its port to nobody who asks for just any; a program that asks for this
    very one and lets the address be reused, as torch and gRPC do, gets it all the same. So there is no moment between
    choosing a port and using it at which it could be lost.

    Args:
        count: how many.

    Example:
        >>> [one] = reserve(1)
        >>> one.getsockname()[1] > 0
        True
        >>> one.close()
    """
    made = []
    for _ in range(count):
        each = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # gRPC asks with this one, which must be set on both.
        if hasattr(socket, "SO_REUSEPORT"):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        each.bind(("", 0))
        made.append(each)
    return made
