"""Requests of Trainshed's own service to web services: what they have counted, and what somebody tries on the page."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from trainshed.errors import WebserviceException
from trainshed.runtime.scoring_counts import PATH

_QUICK = 2.0
"""Seconds in which a service that is well says what it has counted."""
_PATIENCE = 60.0
_LONGEST = 1 << 20
"""Bytes of an answer that are shown."""


def counted(record: dict[str, Any], key: str) -> dict[str, Any] | None:
    """Return what a web service has counted, or None if it does not say.

    Args:
        record: the service's.
        key: one of its keys.
    """
    try:
        status, _, content = _asked(record, "GET", PATH, key, None, _QUICK)
        told = json.loads(content) if status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    return told if isinstance(told, dict) else None


def tried(record: dict[str, Any], key: str, body: str) -> dict[str, Any]:
    """Call a web service, and return ``{"status", "seconds", "text", "cut"}``.

    Args:
        record: the service's.
        key: one of its keys.
        body: of the request.

    Raises:
        WebserviceException: it does not answer.
    """
    began = time.perf_counter()
    try:
        status, _, content = _asked(record, "POST", "/score", key, body.encode(), _PATIENCE)
    except (OSError, http.client.HTTPException) as error:
        raise WebserviceException(f"The web service '{record['name']}' does not answer ({error}).") from error
    return {
        "status": status,
        "seconds": time.perf_counter() - began,
        "text": content[:_LONGEST].decode("utf-8", "replace"),
        "cut": len(content) > _LONGEST,
    }


def _asked(
    record: dict[str, Any], method: str, path: str, key: str, body: bytes | None, patience: float
) -> tuple[int, str, bytes]:
    place = urlsplit(record["scoring_uri"])
    connection = http.client.HTTPConnection(str(place.hostname), int(place.port or 0), timeout=patience)
    try:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.getheader("Content-Type", ""), response.read(_LONGEST + 1)
    finally:
        connection.close()
