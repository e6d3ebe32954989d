"""Ports of web services on the loopback address."""

from __future__ import annotations

import random
import socket
from collections.abc import Mapping

from trainshed.errors import WebserviceException

_HERE = "127.0.0.1"
_PORTS = range(31310, 31910)


def chosen(wanted: int | None, own: int | None, taken: Mapping[int, str]) -> int:
    """Return the port of a web service.

    Args:
        wanted: the port that the user named; None: any.
        own: port that the service has already.
        taken: ports of the other services, with their names.

    Raises:
        WebserviceException: the port is in use.
    """
    if wanted is None:
        if own is not None:
            return own
        # At random: the ports of another workspace look free while its service is started again.
        ports = random.sample(_PORTS, len(_PORTS))
        return next((port for port in ports if port not in taken and is_free(port)), 0) or any_port()
    if wanted in taken:
        raise WebserviceException(
            f"Port {wanted} is used by the web service '{taken[wanted]}'. Choose another port, or none."
        )
    if own != wanted and not is_free(wanted):
        raise WebserviceException(
            f"Port {wanted} is used by another program, or may not be used. Choose another port, or none."
        )
    return wanted


def is_free(port: int) -> bool:
    """Tell whether nothing listens at a port of the loopback address, and this user may.

    Args:
        port: the port.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HERE, port))
        except (OSError, OverflowError):
            return False
    return True


def any_port() -> int:
    """Return a free port that the system chooses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((_HERE, 0))
        return int(probe.getsockname()[1])
