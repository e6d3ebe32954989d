"""The lasting way in: a token and a port that stay the same, for clients that are given an address and a token."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

from trainshed.system import files


class Access:
    """Who cannot read the service endpoint file comes in by these: another user, another machine, a job there.

    The token in the endpoint file is another one at each start of the service, and so is the port.

    Args:
        root: the workspace folder; ``access.json`` keeps both there, for the owner's eyes only.

    Attributes:
        known: the lasting token, or None as long as nobody has needed one.
        port: the port to listen on at each start; 0: any.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / "access.json"
        self.known: str | None = None
        self.port = 0
        if self._path.exists():
            kept = json.loads(self._path.read_text())
            self.known, self.port = kept["token"], kept["port"]

    def token(self) -> str:
        """Return the lasting token; it is made at the first call."""
        if self.known is None:
            self._keep(secrets.token_urlsafe(32), 0)
        return str(self.known)

    def stay(self, port: int) -> str:
        """Return the lasting token; from now on the service listens on one port, and does not leave when it is idle.

        Args:
            port: where it listens now.
        """
        if not self.port:
            self._keep(self.known or secrets.token_urlsafe(32), port)
        return str(self.known)

    def _keep(self, token: str, port: int) -> None:
        files.write(str(self._path), json.dumps({"token": token, "port": port}), durable=True)
        self.known, self.port = token, port
