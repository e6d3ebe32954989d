"""Telling, while the log of a run is watched, why nothing comes: no contact, or a queue."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

from trainshed.client.http import quoted
from trainshed.errors import TrainshedError
from trainshed.spec import states
from trainshed.spec.run import LOCAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from trainshed.client.http import Connection

_EVERY = 2.0


@contextlib.contextmanager
def telling(connection: Connection, run_id: str) -> Iterator[None]:
    """Tell on stderr why a run waits, as long as the block runs; of one on this machine, until it starts.

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
            record = connection.call("GET", quoted("runs", run_id))
            reason = _reason(record)
            if reason != told:
                sys.stderr.write(f"{run_id}: {reason or 'the run goes on.'}\n")
                told = reason
            if record["target"] == LOCAL and record["status"] != states.QUEUED:
                return


def _reason(record: dict[str, Any]) -> str:
    details = record["details"]
    error = details.get("error") or {}
    if error.get("code") == "MachineUnreachable":
        return f"waiting. {error['message']}"
    waits = record["status"] in (states.QUEUED, states.PROVISIONING)
    if waits and details.get("queue_reason"):
        return f"waiting: {details['queue_reason']}"
    if record["status"] == states.QUEUED and record["target"] == LOCAL:
        return "waiting until this machine has room for it. What runs now: trainshed runs status:active"
    return ""
