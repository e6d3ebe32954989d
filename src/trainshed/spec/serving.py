"""How a web service answers: number of processes and GPUs, time for a call of its script, keys of its callers."""

from __future__ import annotations

from trainshed.errors import TYPE_CHECKING, WebserviceException

if TYPE_CHECKING:
    from typing import Any

_MOST_WORKERS = 64
_MOST_GPUS = 64
_SHORTEST_KEY, _LONGEST_KEY = 16, 256


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


def check_gpus(count: Any) -> int:
    """Return the number of GPUs of each process of a web service.

    Args:
        count: what was given.

    Raises:
        WebserviceException: not a number from 0 to 64.

    Example:
        >>> check_gpus(1)
        1
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST_GPUS:
        raise WebserviceException(f"gpu_cores is {count!r}; it must be a number of GPUs from 0 to {_MOST_GPUS}.")
    return count


def check_key(key: Any) -> str:
    """Return a key of a web service that its user has chosen.

    Args:
        key: what was given.

    Raises:
        WebserviceException: it is too short, or cannot be sent in a header.

    Example:
        >>> check_key("0123456789abcdef")
        '0123456789abcdef'
    """
    fits = isinstance(key, str) and _SHORTEST_KEY <= len(key) <= _LONGEST_KEY
    if not fits or not key.isascii() or not key.isprintable() or " " in key:
        raise WebserviceException(
            f"A key of a web service has {_SHORTEST_KEY} to {_LONGEST_KEY} characters: letters, digits and signs, no "
            "spaces. Choose another one, or none."
        )
    return str(key)
