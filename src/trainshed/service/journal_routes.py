"""The API's routes by which a program adds to a run from afar: to its journal, and to what it has printed.

Both take bytes by their offset: what was sent before is known by that, and stored once.
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
from trainshed.service.context import ServiceContext
from trainshed.service.guard import SAME_USER
from trainshed.service.routes import API, ApiResponse, number
from trainshed.spec import layout, states
from trainshed.spec.checks import is_name
from trainshed.store.journal import events_of
from trainshed.targets.witness import INTERACTIVE

_LIMIT = 16 << 20
_lock = threading.Lock()
Take = Callable[[ServiceContext, Request, "dict[str, Any]", int, bytes], int]


def names_for(context: ServiceContext, request: Request, record: dict[str, Any]) -> dict[str, Any]:
    """Return a run's record, with the names of the files that its program may append to by itself.

    Only the owner of the workspace can read the token in the service endpoint file, and only on this machine does it
    lead here: who shows that token can open what this names. Anybody else uses the routes below.

    Args:
        context: the service's parts.
        request: who asks.
        record: the run's.
    """
    if not request.scope[SAME_USER]:
        return record
    run_dir = context.mirror.folder(record["id"])
    names = {"journal": layout.JOURNAL, "log": layout.place_of(layout.USER_LOG)}
    return {**record, "append_to": {name: str(run_dir / path) for name, path in names.items()}}


def _receiving(take: Take) -> Any:
    """Wrap what takes bytes: the whole body at once, in a thread, and the offset to go on from as the answer.

    A run that has ended takes no more: its client is told that all has come, and so forgets what nobody will read.
    """

    async def serve(request: Request) -> Response:
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > _LIMIT:
                raise UserErrorException(f"Send at most {_LIMIT >> 20} MB at once.")
            parts.append(part)
        body, offset = b"".join(parts), number(request, "offset", -1)
        context = request.app.state.context

        def store() -> int:
            record = context.history.get(request.path_params["run"])
            if record["status"] in states.TERMINAL:
                return offset + size
            with _lock:
                return take(context, request, record, offset, body)

        return ApiResponse({"offset": await run_in_threadpool(store)})

    return serve


def _journal(context: ServiceContext, request: Request, record: dict[str, Any], offset: int, body: bytes) -> int:
    """POST /runs/{id}/journal?writer=…&offset=…: events, as lines; each writer counts its own bytes."""
    writer = request.query_params.get("writer", "")
    if not is_name(writer):
        raise UserErrorException(f"Query parameter 'writer' is {writer!r}; give letters, digits, '_' and '-'.")
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
    """POST /runs/{id}/log?offset=…: what an interactive run's program prints; without an offset only asks for it."""
    if record["target"] != INTERACTIVE:
        raise UserErrorException(f"Run '{record['id']}' has a log of its own: what its script prints.")
    path = context.mirror.folder(record["id"]) / layout.place_of(layout.USER_LOG)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "ab") as file:
        known = file.tell()
        new = body[max(known - offset, 0) :] if 0 <= offset <= known else b""
        file.write(new)
    context.bus.publish(record["id"])
    return known + len(new)


ROUTES = [
    Route(f"{API}/runs/{{run}}/journal", _receiving(_journal), methods=["POST"]),
    Route(f"{API}/runs/{{run}}/log", _receiving(_log), methods=["POST"]),
]
