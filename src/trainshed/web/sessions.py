"""Who may use the page: a browser logs in once with a one-time code, and stays logged in when the service restarts."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from pathlib import Path
from typing import Any

from trainshed.system import files

_FILE = "page.json"
_CODE_SECONDS = 600.0
_MOST_CODES = 100
_WRONG_CODES = 100
"""Wrong codes after which those that have not been used are void."""
_SESSION_SECONDS = 30 * 86_400.0
_TICKET_SECONDS = 60.0


class Sessions:
    """The sessions of browsers.

    A session is a text that the page keeps in its own storage, which belongs to one address with its port, and sends
    with each request. It is no cookie: browsers send those to every port of this machine, also to those of other users.

    Args:
        root: the workspace folder; the secret that signs sessions, and the port, are in its ``page.json``.

    Attributes:
        port: the port that the service had the last time; 0 if it has never run.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / _FILE
        self._codes: dict[str, tuple[float, int | None]] = {}
        self._wrong = 0
        self._lock = threading.Lock()
        kept = self._kept()
        self._secret = kept.get("secret", "")
        self.port = kept.get("port", 0)

    def _kept(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_text())
            ok = (
                len(bytes.fromhex(kept["secret"])) == 32
                and isinstance(kept["port"], int)
                and 0 <= kept["port"] < 1 << 16
            )
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}
        return kept if ok else {}

    def keep(self, port: int) -> None:
        """Remember the port on which the service listens, for the next time.

        Args:
            port: the port.
        """
        if not self._secret or self.port != port:
            self._secret, self.port = self._secret or secrets.token_hex(32), port
            files.write(str(self._path), json.dumps({"secret": self._secret, "port": port}))

    def code(self, user: int | None) -> str:
        """Return a code that logs one browser in, within ten minutes.

        Args:
            user: id of the user who asks; only a browser of theirs can use it. None if that is not known.
        """
        with self._lock:
            now = time.monotonic()
            self._codes = {code: facts for code, facts in self._codes.items() if facts[0] > now}
            while len(self._codes) >= _MOST_CODES:
                self._codes.pop(next(iter(self._codes)))
            code = secrets.token_urlsafe(18)
            self._codes[code] = now + _CODE_SECONDS, user
            return code

    def redeem(self, code: str, user: int | None) -> str | None:
        """Return a session for a code, which cannot be used again.

        Args:
            code: the code.
            user: id of the user whose program shows it, if known.

        Returns:
            None if there is no such code, or if it is another user's.
        """
        with self._lock:
            until, owner = self._codes.pop(code, (0.0, None))
            if until <= time.monotonic() or (None not in (owner, user) and owner != user):
                self._wrong += 1
                if self._wrong % _WRONG_CODES == 0:
                    self._codes.clear()
                return None
        shown = f"{int(time.time() + _SESSION_SECONDS)}.{'' if user is None else user}.{secrets.token_hex(8)}"
        return f"{shown}.{self._signed('session', shown)}"

    def valid(self, session: str, user: int | None) -> bool:
        """Tell whether a session is one of ours, has not expired, and is shown by the user who logged in.

        Args:
            session: what :meth:`redeem` returned.
            user: id of the user whose program shows it, if known.
        """
        shown, _, mark = session.rpartition(".")
        if not hmac.compare_digest(mark.encode(), self._signed("session", shown).encode()):
            return False
        until, owner, _ = shown.split(".")
        return int(until) > time.time() and (not owner or user is None or int(owner) == user)

    def ticket(self, path: str) -> str:
        """Return what gives access to one file for a minute, for requests that a browser makes by itself.

        Args:
            path: path of the request.
        """
        until = str(int(time.time() + _TICKET_SECONDS))
        return f"{until}.{self._signed('ticket', f'{until} {path}')}"

    def opens(self, ticket: str, path: str) -> bool:
        """Tell whether a ticket gives access to a path.

        Args:
            ticket: what :meth:`ticket` returned.
            path: path of the request.
        """
        until, _, mark = ticket.partition(".")
        right = hmac.compare_digest(mark.encode(), self._signed("ticket", f"{until} {path}").encode())
        return right and int(until) > time.time()

    def _signed(self, purpose: str, text: str) -> str:
        message = f"{purpose} {text}".encode("utf-8", "surrogatepass")
        return hmac.new(bytes.fromhex(self._secret), message, "sha256").hexdigest()
