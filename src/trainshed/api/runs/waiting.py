"""Telling, while the log of a run on another machine is watched, why nothing comes: no contact, or a queue."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

from trainshed.client.http import quoted
from trainshed.errors import TrainshedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from trainshed.client.http import Connection

_EVERY = 2.0


@contextlib.contextmanager
def telling(connection: Connection, run_id: str) -> Iterator[None]:
    """Tell on stderr why a run waits, as long as the block runs.

    Args:
        connection: to the service.
        run_id: the run.
    """
    over = threading.Event()
    thread = threading.Thread(target=_tell, args=(connection, run_id, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(connection: Connection, run_id: str, over: threading.Event) -> None:
    told = ""
    while not over.wait(_EVERY):
        with contextlib.suppress(TrainshedError):
            reason = _reason(connection.call("GET", quoted("runs", run_id)))
            if reason != told:
                sys.stderr.write(f"{run_id}: {reason or 'the run goes on.'}\n")
                told = reason


def _reason(record: dict[str, Any]) -> str:
    details = record["details"]
    error = details.get("error") or {}
    if error.get("code") == "MachineUnreachable":
        return f"waiting. {error['message']}"
    waits = record["status"] in ("Queued", "Provisioning")
    return f"waiting: {details['queue_reason']}" if waits and details.get("queue_reason") else ""
