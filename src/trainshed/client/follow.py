"""Follow a run: every byte of its log once, even if the service stops in between."""

from __future__ import annotations

from trainshed.client.http import Connection, quoted
from trainshed.errors import TYPE_CHECKING, ServiceException
from trainshed.spec import states

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_PATIENCE = 5
_WAIT_SECONDS = 50


def follow(connection: Connection, run_id: str, name: str, offset: int = 0) -> Iterator[bytes]:
    """Yield the contents of a file as it grows, until the run no longer writes it.

    A broken connection is resumed at the byte where it broke.

    Args:
        connection: to the service.
        run_id: the run.
        name: name of the file, e.g. ``"azureml-logs/70_driver_log.txt"``.
        offset: the byte to start at.

    Raises:
        ServiceException: the service cannot be reached, or the connection breaks repeatedly.
    """
    path, failures = quoted("runs", run_id, "files", name), 0
    while True:
        pieces = connection.stream("GET", path, {"follow": 1, "offset": offset})
        try:
            for piece in pieces:
                offset += len(piece)
                failures = 0
                yield piece
        except ServiceException:
            failures += 1
            if failures > _PATIENCE:
                raise
        else:
            return


def wait(connection: Connection, run_id: str) -> dict[str, Any]:
    """Wait until a run has ended, and return its record.

    Args:
        connection: to the service.
        run_id: the run.
    """
    while True:
        record: dict[str, Any] = connection.call(
            "GET", quoted("runs", run_id, "wait"), query={"timeout": _WAIT_SECONDS}
        )
        if states.is_terminal(record["status"]):
            return record
