"""Whose a folder is: in one that another user owns or can write to, nothing of ours would be safe."""

from __future__ import annotations

import os

_OTHERS_WRITE = 0o022


def trouble(folder: str) -> str:
    """Return why we must not keep anything in a folder, with what to do about it; ``""`` if we may, or it is missing.

    Args:
        folder: an absolute path.
    """
    try:
        facts = os.stat(folder)
    except OSError:
        return ""
    if facts.st_uid != os.geteuid():
        return _foreign(folder, facts.st_uid)
    if facts.st_mode & _OTHERS_WRITE:
        return f"Other users can write to {folder}, and so could change runs. Run: chmod o-w,g-w {_quoted(folder)}"
    return ""


def _foreign(folder: str, owner: int) -> str:
    theirs, ours = name_of(owner), name_of(os.geteuid())
    if by_sudo(owner):
        return (
            f"{folder} belongs to another user, '{theirs}', and you run as '{ours}' (sudo), whose files '{theirs}' "
            f"could not use. Run the command without sudo, or set TRAINSHED_HOME to a folder of '{ours}'."
        )
    return (
        f"{folder} belongs to another user, '{theirs}', and you run as '{ours}'. Set TRAINSHED_HOME to a folder of "
        f"your own; or, if it is to be yours, run: sudo chown -R {ours} {_quoted(folder)}"
    )


def by_sudo(owner: int) -> bool:
    """Tell whether we are root by the sudo of this user."""
    return os.geteuid() == 0 and os.environ.get("SUDO_UID") == str(owner)


def name_of(user: int) -> str:
    """Return the name of a user; the number of one without a name."""
    import pwd  # only for messages

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _quoted(path: str) -> str:
    import shlex  # only for messages

    return shlex.quote(path)
