"""Callers of a web service that note each request that fails, and its processes."""

from __future__ import annotations

import http.client
import json
import os
import threading
from pathlib import Path
from urllib.parse import urlsplit

REQUESTS = int(os.environ.get("TRAINSHED_TEST_REQUESTS", "0"))
"""Least requests of each caller, instead of what a test says; 10,000 of four callers: TRAINSHED_TEST_REQUESTS=2500."""


class Caller(threading.Thread):
    """Sends requests on one connection as fast as they are answered, on a new one after ``Connection: close``."""

    def __init__(self, uri: str, over: threading.Event, least: int = 600) -> None:
        super().__init__(daemon=True)
        self._parts = urlsplit(uri)
        self._over = over
        self._least = REQUESTS or least
        self.failed: list[str] = []
        self.seen: list[str] = []
        self.count = 0

    def run(self) -> None:
        connection = http.client.HTTPConnection(str(self._parts.hostname), int(self._parts.port or 0), timeout=60)
        while self.count < self._least or not self._over.is_set():
            self.count += 1
            try:
                connection.request("POST", self._parts.path, b"x")
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(repr(error))
                connection.close()
                continue
            if response.status != 200:
                self.failed.append(f"{response.status} {body!r}")
                continue
            version = json.loads(body)[0]
            if not self.seen or self.seen[-1] != version:
                self.seen.append(version)
        connection.close()


def processes_of(run: str) -> set[str]:
    """Return the processes that have a run's id in their environment."""
    found = set()
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and run.encode() in Path("/proc", name, "environ").read_bytes():
                found.add(name)
        except OSError:
            continue
    return found
