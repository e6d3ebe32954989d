"""Releases of client and service that meet."""

from __future__ import annotations

import os

from trainshed.version import VERSION


def newer(version: str) -> bool:
    """Tell whether a release is newer than this one.

    Example:
        >>> newer("0.0.9"), newer("99.0")
        (False, True)
    """
    return _numbers(version) > _numbers(VERSION)


def refusal(service: str) -> str | None:
    """Return why this client cannot use the service of a newer release; None where it can.

    It can use later fixes of its own release. A script goes on with the release that it was started with: what it
    asks for is the part of the API that stays.

    Args:
        service: the service's release.
    """
    if _numbers(service)[:2] == _numbers(VERSION)[:2] or "TRAINSHED_SERVICE_PATH" in os.environ:
        return None
    return (
        f"The service of this workspace is Trainshed {service}, newer than this client ({VERSION}). "
        f"Install Trainshed {service} where this program runs."
    )


def _numbers(version: str) -> list[int]:
    return [int(part) if part.isdecimal() else 0 for part in version.split(".")]
