"""Which releases of client and service work together."""

from __future__ import annotations

import os
from itertools import takewhile

from trainshed.version import VERSION


def newer(version: str) -> bool:
    """Tell whether a release is newer than this one.

    Example:
        >>> newer("0.0.9"), newer("99.0")
        (False, True)
    """
    return _numbers(version) > _numbers(VERSION)


def older(version: str) -> bool:
    """Tell whether a release is older than this one; two builds of one release are neither newer nor older.

    Example:
        >>> older("0.0.9"), older("99.0")
        (True, False)
    """
    return _numbers(version) < _numbers(VERSION)


def refusal(service: str) -> str | None:
    """Return why this client cannot use a service of a newer release; None if it can.

    It can use later patch releases of its own minor release. A script continues to use a newer service, because it
    calls only the stable part of the API.

    Args:
        service: the service's release.
    """
    same = _numbers(service)[:2] == _numbers(VERSION)[:2]
    if same or not newer(service) or "TRAINSHED_SERVICE_PATH" in os.environ:
        return None
    return (
        f"The service of this workspace is Trainshed {service}, which is newer than this client ({VERSION}). "
        f"Install Trainshed {service} where this program runs."
    )


def _numbers(version: str) -> list[int]:
    """Return the three numbers of a release; what comes after them, such as ``rc1``, does not count."""
    digits = ["".join(takewhile(str.isdecimal, part)) for part in [*version.split("."), "", ""]]
    return [int(part or 0) for part in digits[:3]]
