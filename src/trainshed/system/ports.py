"""Ports of this machine that no other process gets until they are used."""

from __future__ import annotations

import _socket  # importing socket takes 3 ms, for which the start of ranks would wait

from trainshed.errors import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import List


def reserve(count: int) -> List[_socket.socket]:
    """Return sockets, each bound to a free port of all addresses and not listening.

    While such a socket is open, the system does not give its port to a program that asks for any free port; but a
    program
    that asks for this port and allows address reuse, as torch and gRPC do, gets it. So the port cannot be lost between
    choosing and using it.

    Args:
        count: the number of ports.

    Example:
        >>> [one] = reserve(1)
        >>> one.getsockname()[1] > 0
        True
        >>> one.close()
    """
    made = []
    for _ in range(count):
        each = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        each.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        # gRPC uses this option, which must be set on both sockets.
        if hasattr(_socket, "SO_REUSEPORT"):
            each.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEPORT, 1)
        each.bind(("", 0))
        made.append(each)
    return made
