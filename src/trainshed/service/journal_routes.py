"""API routes by which a program on another machine appends to a run's journal and log.

Both receive bytes with their offset, so bytes that were sent before are recognised and stored once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.errors import UserErrorException
from trainshed.runtime.journal import LONGEST_EVENT
from trainshed.service.context import ServiceContext
from trainshed.service.guard import SAME_USER
from trainshed.service.requests import API, content_of, number
from trainshed.service.responses import ApiResponse
from trainshed.spec import layout, states
from trainshed.spec.checks import is_name
from trainshed.store.journal import events_of
from trainshed.system import confined
from trainshed.targets.witness import INTERACTIVE

_LIMIT = LONGEST_EVENT + (1 << 20)
"""A piece ends with a whole line, which can be this long."""
_lock = threading.Lock()
Take = Callable[[ServiceContext, Request, "dict[str, Any]", int, bytes], int]


def names_for(context: ServiceContext, request: Request, record: dict[str, Any]) -> dict[str, Any]:
    """Return a run's record, with the names of the files to which its program may append directly.

    Only the owner of the workspace can read the token in the service endpoint file, and only from this machine does its
    address lead here, so a client with that token can open these files. Other clients use the routes below.

    Args:
        context: the service's parts.
        request: the client's request.
        record: the run's record.
    """
    if not request.scope[SAME_USER]:
        return record
    run_dir = context.mirror.folder(record["id"])
    names = {"journal": layout.JOURNAL, "log": layout.place_of(layout.USER_LOG)}
    return {**record, "append_to": {name: str(run_dir / path) for name, path in names.items()}}


def _receiving(take: Take) -> Any:
    """Wrap a function that stores bytes: it gets the complete body, in a thread, and returns the next offset.

    A run that has ended accepts no more bytes of its program, which is told that everything has arrived, so that it
    discards the rest. Metrics that others add to it come with ``after_end=1``.
    """

    async def serve(request: Request) -> Response:
        offset, context = number(request, "offset", -1), request.app.state.context
        body = await content_of(request, _LIMIT)

        def store() -> int:
            record = context.history.get(request.path_params["run"])
            if record["status"] in states.TERMINAL and not number(request, "after_end", 0):
                return offset + len(body)
            with _lock:
                return take(context, request, record, offset, body)

        return ApiResponse({"offset": await run_in_threadpool(store)})

    return serve


def _journal(context: ServiceContext, request: Request, record: dict[str, Any], offset: int, body: bytes) -> int:
    """POST /runs/{id}/journal?writer=…&offset=…&after_end=…: events, one per line; each writer counts its own bytes."""
    writer = request.query_params.get("writer", "")
    if not is_name(writer):
        raise UserErrorException(f"Query parameter 'writer' is {writer!r}; use letters, digits, '_' and '-'.")
    file = f"{layout.JOURNAL}/{writer}"
    known = context.metrics.offset(record["id"], file)
    new = body[max(known - offset, 0) :] if 0 <= offset <= known else b""
    whole = new[: new.rfind(b"\n") + 1]
    if not whole:
        return known
    warnings = context.metrics.append(record["id"], events_of(whole, known), known + len(whole), file)
    if warnings:
        context.history.add_warnings(record["id"], "metrics", warnings)
    return known + len(whole)


def _log(context: ServiceContext, _: Request, record: dict[str, Any], offset: int, body: bytes) -> int:
    """POST /runs/{id}/log?offset=…: output of an interactive run's program; without an offset, only query it."""
    if record["target"] != INTERACTIVE:
        raise UserErrorException(f"Run '{record['id']}' already has a log: the output of its script.")
    try:
        fd = confined.open_to_append(context.mirror.folder(record["id"]), layout.place_of(layout.USER_LOG))
    except OSError as error:
        raise UserErrorException(f"The log of run '{record['id']}' cannot be written: {error.strerror}.") from error
    with os.fdopen(fd, "ab") as file:
        known = file.tell()
        new = body[max(known - offset, 0) :] if 0 <= offset <= known else b""
        file.write(new)
    if new and context.history.get(record["id"])["status"] in states.TERMINAL:
        context.collector.manifest(record["id"])  # it has ended meanwhile
    context.bus.publish(record["id"])
    return known + len(new)


ROUTES = [
    Route(f"{API}/runs/{{run}}/journal", _receiving(_journal), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/log", _receiving(_log), methods=["POST"]),
]
