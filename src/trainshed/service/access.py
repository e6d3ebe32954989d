"""Lasting access: a token and a port that stay the same, for clients that are given an address and a token."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from trainshed.system import files


class Access:
    """Access for clients that cannot read the service endpoint file: another user, another machine, a job there.

    The token in the endpoint file changes at each start of the service, and so does the port.

    Args:
        root: the workspace folder; both are stored in its ``access.json``, which only the owner can read.

    Attributes:
        known: the lasting token, or None if it has never been needed.
        port: the port to listen on at each start; 0 for any.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / "access.json"
        self.known: str | None = None
        self.port = 0
        if self._path.exists():
            kept = json.loads(self._path.read_text())
            self.known, self.port = kept["token"], kept["port"]

    def token(self) -> str:
        """Return the lasting token; the first call creates it."""
        if self.known is None:
            self._keep(secrets.token_urlsafe(32), 0)
        return str(self.known)

    def stay(self, port: int) -> str:
        """Return the lasting token; from now on the service keeps its port and does not exit when idle.

        Args:
            port: the port on which it listens now.
        """
        if not self.port:
            self._keep(self.known or secrets.token_urlsafe(32), port)
        return str(self.known)

    def _keep(self, token: str, port: int) -> None:
        files.write(str(self._path), json.dumps({"token": token, "port": port}), durable=True)
        self.known, self.port = token, port
