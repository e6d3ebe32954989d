"""Doing something whose failure must not stop what comes after it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from trainshed.errors import MachineUnreachableException, TrainshedError

Result = TypeVar("Result")


def attempt(work: Callable[..., Result], *args: Any, failed: Callable[[Exception], object]) -> Result | None:
    """Do something, and go on whatever error it raises.

    Args:
        work: what to do.
        *args: its arguments.
        failed: called with the error.

    Returns:
        The result of ``work``; None if it failed.

    Raises:
        MachineUnreachableException: nothing is known then, and it is done again once the machine answers.
    """
    try:
        return work(*args)
    except MachineUnreachableException:
        raise
    except Exception as error:  # noqa: BLE001 - the one place for all of the service
        failed(error)
        return None


def later(seconds: float, work: Callable[..., object], *args: Any, failed: Callable[[Exception], object]) -> None:
    """Do something after some time, if this process is still there.

    Args:
        seconds: the time.
        work: what to do.
        *args: its arguments.
        failed: called with the error.
    """
    timer = threading.Timer(seconds, lambda: attempt(work, *args, failed=failed))
    timer.daemon = True
    timer.start()


def why(error: Exception) -> str:
    """Return what went wrong, in words for a user, without a full stop."""
    if isinstance(error, TrainshedError):
        text = error.message
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    else:
        text = f"{type(error).__name__}: {error}"
    return text.rstrip(". ")
