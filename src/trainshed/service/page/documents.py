"""The page: its documents and static files, logging in, and what every page needs to know."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from trainshed.errors import AuthenticationException, NotFoundException
from trainshed.service.context import ServiceContext
from trainshed.service.guard import CODES, DATA, LOGIN, PAGES, USER
from trainshed.service.requests import endpoint, field
from trainshed.spec import layout
from trainshed.system.confined import facts_inside
from trainshed.web import assets
from trainshed.web.table import Table

_FOREVER = "public, max-age=31536000, immutable"
_EVENTS = "text/event-stream"
_PAUSE = 0.25
"""Seconds between two messages about changed runs."""
_LOOK = 2.0
"""Seconds between two looks at what runs have logged."""
_MOST_CHANGED = 200


async def runs_document(_: Request) -> Response:
    """GET /pages/."""
    return document("./", "runs")


async def run_document(_: Request) -> Response:
    """GET /pages/runs/{id}."""
    return document("../", "run")


async def compare_document(_: Request) -> Response:
    """GET /pages/compare?runs=…."""
    return document("./", "compare")


def document(base: str, page: str) -> Response:
    """Return the document of a page; see :func:`trainshed.web.assets.document`."""
    headers = {"content-security-policy": assets.POLICY, "cache-control": "no-cache"}
    return Response(assets.document(base, page), media_type="text/html", headers=headers)


async def asset(request: Request) -> Response:
    """GET /pages/assets/{version}/{name}: a static file; whatever the version says, it is the one of this release."""
    found = assets.asset(request.path_params["name"])
    if found is None:
        raise NotFoundException("There is no such file of the page. Reload it.")
    headers = {"cache-control": _FOREVER, "vary": "accept-encoding"}
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["content-encoding"] = "gzip"
    return Response(found.packed if packed else found.content, media_type=found.media_type, headers=headers)


async def root(_: Request) -> Response:
    """GET /: where people look first. Relative, because a proxy may have put something before the path."""
    return RedirectResponse("pages/", 307)


def login(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """POST /pages/data/login: ``{"code"}`` of ``trainshed open``; the answer is a session for this browser."""
    session = context.sessions.redeem(field(body, "code", str), request.scope.get(USER))
    if session is None:
        raise AuthenticationException(
            "This code is not valid: it has been used, it is older than ten minutes, or another user asked for it. "
            "Run 'trainshed open' again."
        )
    return {"session": session}


def code(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """POST /page: what ``trainshed open`` needs: a code that logs one browser in, within ten minutes."""
    return {"code": context.sessions.code(request.scope[USER])}


def ticket(context: ServiceContext, _: Request, body: Any) -> dict[str, Any]:
    """POST /pages/data/ticket: ``{"path"}`` of a file; the answer lets the browser fetch it by itself for a minute."""
    return {"ticket": context.sessions.ticket(f"{DATA}{field(body, 'path', str)}")}


async def changes(request: Request) -> Response:
    """GET /pages/data/changes: server-sent events with the ids of runs that have changed."""
    return StreamingResponse(_changes(request.app.state.context), media_type=_EVENTS)


async def _changes(context: ServiceContext) -> AsyncIterator[str]:
    sizes: dict[str, int] = {}
    async with context.bus.all() as changed:
        yield "retry: 2000\n\n"
        while True:
            context.seen()
            ids = set()
            with contextlib.suppress(asyncio.TimeoutError):
                ids.add(await asyncio.wait_for(changed.get(), _LOOK))
                await asyncio.sleep(_PAUSE)
            while not changed.empty():
                ids.add(changed.get_nowait())
            now = await run_in_threadpool(_logged, context)
            ids |= {run_id for run_id, size in now.items() if size != sizes.get(run_id, size)}
            sizes = now
            yield f"data: {json.dumps(sorted(ids)[:_MOST_CHANGED])}\n\n" if ids else ": still here\n\n"


def _logged(context: ServiceContext) -> dict[str, int]:
    """Return how much the runs have logged that may be logging now, in bytes."""
    found = {}
    for run_id in Table(context.database).running():
        about = facts_inside(context.mirror.folder(run_id), layout.JOURNAL)
        found[run_id] = about.st_size if about else 0
    return found


ROUTES = [
    Route("/", root),
    Route(PAGES, runs_document),
    Route(f"{PAGES}compare", compare_document),
    Route(f"{PAGES}runs/{{run}}", run_document),
    Route(f"{PAGES}assets/{{version}}/{{name}}", asset),
    Route(LOGIN, endpoint(login), methods=["POST"]),
    Route(f"{DATA}ticket", endpoint(ticket), methods=["POST"]),
    Route(f"{DATA}changes", changes),
    Route(CODES, endpoint(code), methods=["POST"]),
]
