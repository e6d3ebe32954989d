"""The umask: the service's own files are for their owner only, while what it starts keeps the user's."""

from __future__ import annotations

import os

_users: int | None = None


def restrict() -> None:
    """From now on, make files and folders for their owner only."""
    global _users  # noqa: PLW0603 - of the process, as the umask itself
    _users = os.umask(0o077)


def of_user() -> int | None:
    """Return the umask that was in force before; None if it is in force still."""
    return _users
