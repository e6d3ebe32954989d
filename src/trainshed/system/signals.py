"""What programs that start with every run need of :mod:`signal`.

Importing that module creates enumerations of its numbers, which takes half as long as starting Python. The module it
wraps has the same functions and plain numbers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from signal import (
        SIG_BLOCK,
        SIG_DFL,
        SIG_IGN,
        SIG_UNBLOCK,
        SIGCHLD,
        SIGCONT,
        SIGHUP,
        SIGINT,
        SIGKILL,
        SIGPIPE,
        SIGTERM,
        SIGUSR1,
        SIGXFSZ,
        pthread_sigmask,
        set_wakeup_fd,
        signal,
    )
else:
    try:
        import _signal as _plain
    except ImportError:  # a Python implementation other than CPython
        import signal as _plain
    SIGCHLD, SIGCONT, SIGHUP, SIGINT = _plain.SIGCHLD, _plain.SIGCONT, _plain.SIGHUP, _plain.SIGINT
    SIGKILL, SIGPIPE, SIGTERM, SIGXFSZ = _plain.SIGKILL, _plain.SIGPIPE, _plain.SIGTERM, _plain.SIGXFSZ
    SIGUSR1, SIG_IGN, SIG_BLOCK, SIG_UNBLOCK = _plain.SIGUSR1, _plain.SIG_IGN, _plain.SIG_BLOCK, _plain.SIG_UNBLOCK
    pthread_sigmask = _plain.pthread_sigmask
    SIG_DFL, set_wakeup_fd, signal = _plain.SIG_DFL, _plain.set_wakeup_fd, _plain.signal


def ended_by(number: int) -> str:
    """Return how a program ended that we have not ended ourselves: "was ended by signal 9 (SIGKILL), …".

    Args:
        number: of the signal.
    """
    from signal import Signals  # see above

    name = next((each.name for each in Signals if each == number), "")
    why = ", probably by the kernel, because the machine was out of memory (see dmesg)" if number == SIGKILL else ""
    return f"was ended by signal {number}{f' ({name})' if name else ''}{why}"


__all__ = [
    "SIGCHLD",
    "SIGCONT",
    "SIGHUP",
    "SIGINT",
    "SIGKILL",
    "SIGPIPE",
    "SIGTERM",
    "SIGUSR1",
    "SIGXFSZ",
    "SIG_BLOCK",
    "SIG_DFL",
    "SIG_IGN",
    "SIG_UNBLOCK",
    "ended_by",
    "pthread_sigmask",
    "set_wakeup_fd",
    "signal",
]
