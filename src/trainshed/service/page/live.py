"""Server-sent events of a run: what it logs, within a tenth of a second."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trainshed.errors import NotFoundException
from trainshed.service.context import ServiceContext
from trainshed.service.guard import DATA
from trainshed.service.page.run import facts, logs_of
from trainshed.service.requests import number
from trainshed.spec import layout
from trainshed.spec.floats import spelled
from trainshed.system.confined import facts_inside, parts_of

_SOONEST = 0.05
_BEAT = 10.0
_POINTS = 2000
"""Points in one message; if there are more, the page asks for its curves anew."""


async def live(request: Request) -> Response:
    """GET /pages/data/runs/{id}/live?place=…&log=…: what has changed since the position ``place`` in the journal."""
    context: ServiceContext = request.app.state.context
    run_id, name = request.path_params["run"], request.query_params.get("log", "")
    if name:
        parts_of(name)
    await run_in_threadpool(context.history.get, run_id)
    follower = _Follower(context, run_id, number(request, "place", -1), name)
    return StreamingResponse(follower.events(), media_type="text/event-stream")


class _Follower:
    def __init__(self, context: ServiceContext, run_id: str, place: int, log: str) -> None:
        self._context = context
        self._run_id = run_id
        self._place = place
        self._paths = [layout.JOURNAL, *([layout.place_of(log)] if log else [])]
        self._sizes: list[int] = []
        self._told = ""

    async def events(self) -> AsyncIterator[str]:
        context = self._context
        yield "retry: 2000\n\n"
        quiet = 0.0
        async with context.bus.listen(self._run_id) as changes:
            changed = True
            while True:
                if changed or quiet >= _BEAT:
                    context.seen()
                    quiet = 0.0
                    try:
                        messages, over = await run_in_threadpool(self._news)
                    except NotFoundException:
                        yield _message("removed", {})
                        return
                    for message in messages or [": still here\n\n"]:
                        yield message
                    if over:
                        yield _message("over", {})
                        return
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changes.wait(), _SOONEST)
                quiet += _SOONEST
                sizes = self._now()
                changed = changes.is_set() or sizes != self._sizes
                self._sizes = sizes
                changes.clear()

    def _now(self) -> list[int]:
        """Return the sizes of the files that grow; a look takes some microseconds."""
        folder = self._context.mirror.folder(self._run_id)
        found = [facts_inside(folder, path) for path in self._paths]
        return [each.st_size if each else 0 for each in found]

    def _news(self) -> tuple[list[str], bool]:
        context, run_id = self._context, self._run_id
        record = context.supervisor.look(run_id)
        told: list[str] = []
        found = context.metrics.since(run_id, self._place, _POINTS + 1)
        if len(found) > _POINTS:
            latest = context.metrics.latest(run_id).values()
            self._place = max(each["place"] for each in latest)
            told.append(_message("curves", {}))
        elif found:
            self._place = found[-1][0]
            plain = [
                [name, step, time, value if isinstance(value, int | float | str) else None]
                for _, name, step, time, value in found
            ]
            told.append(_message("points", {"points": plain, "place": self._place}))
        state = facts(context, record)
        state["logs"] = logs_of(context, record)
        message = _message("state", state)
        if message != self._told:
            self._told = message
            told.append(message)
        return told, bool(state["terminal"])


def _message(kind: str, data: dict[str, Any]) -> str:
    return f"event: {kind}\ndata: {json.dumps(spelled(data), allow_nan=False)}\n\n"


ROUTES = [Route(f"{DATA}runs/{{run}}/live", live)]
