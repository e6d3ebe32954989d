"""How a web service answers: number of processes, time for a call of its script."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, WebserviceException

if TYPE_CHECKING:
    from typing import Any

_MOST_WORKERS = 64


def check_workers(workers: Any) -> int:
    """Return the number of processes of a web service.

    Args:
        workers: what was given.

    Raises:
        WebserviceException: not a number from 1 to 64.

    Example:
        >>> check_workers(2)
        2
    """
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= _MOST_WORKERS:
        raise WebserviceException(
            f"The number of workers (num_replicas) is {workers!r}; it must be a number from 1 to {_MOST_WORKERS}."
        )
    return workers


def check_timeout(milliseconds: Any) -> int:
    """Return the time that a call of a scoring script may take.

    Args:
        milliseconds: what was given.

    Raises:
        WebserviceException: not a number above 0.

    Example:
        >>> check_timeout(60000)
        60000
    """
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int) or milliseconds < 1:
        raise WebserviceException(
            f"scoring_timeout_ms is {milliseconds!r}; it must be a number of milliseconds above 0, such as 60000."
        )
    return milliseconds
