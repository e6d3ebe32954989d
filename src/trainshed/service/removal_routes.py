"""API routes for removing runs and garbage, and for disk usage."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from trainshed.errors import TrainshedError, UserErrorException
from trainshed.service import garbage
from trainshed.service.context import ServiceContext
from trainshed.service.requests import API, endpoint, number
from trainshed.spec import layout
from trainshed.store.removal import Limits
from trainshed.store.trash import usage

_DAY = 86_400.0


def remove_run(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """DELETE /runs/{id}: a run that has ended; with ``children=1`` its descendants too."""
    removed = context.garbage.remove_run(request.path_params["run"], bool(number(request, "children", 0)))
    for run_id in removed:
        context.bus.publish(run_id)
    return {"removed": removed}


async def collect(request: Request) -> Response:
    """POST /gc, with ``runs_older_than_days``, ``keep_runs``, ``unused_days``, ``downloads`` and ``dry_run``.

    The response has one line of JSON for each removed item: ``{"kind", "name", "size"}``.
    """
    context: ServiceContext = request.app.state.context
    return StreamingResponse(_lines(context, _request_of(request)), media_type="application/x-ndjson")


def _request_of(request: Request) -> garbage.Request:
    older, unused = (_number(request, name) for name in ("runs_older_than_days", "unused_days"))
    keep = _number(request, "keep_runs")
    return garbage.Request(
        Limits(None if older is None else time.time() - older * _DAY, None if keep is None else int(keep)),
        garbage.Request().unused_days if unused is None else unused,
        bool(number(request, "downloads", 0)),
        bool(number(request, "dry_run", 0)),
    )


def _number(request: Request, name: str) -> float | None:
    text = request.query_params.get(name)
    try:
        value = None if text is None else float(text)
    except ValueError:
        value = math.nan
    if value is not None and not (math.isfinite(value) and value >= 0):
        raise UserErrorException(f"Query parameter '{name}' is {text!r}; it must be a number that is not negative.")
    return value


def _lines(context: ServiceContext, wanted: garbage.Request) -> Iterator[bytes]:
    try:
        for each in context.garbage.collect(wanted):
            context.seen()
            yield json.dumps(each._asdict()).encode("ascii") + b"\n"
    except TrainshedError as error:
        # The response has started, so the error is its last line.
        told = {"type": type(error).__name__, "message": error.message, "details": error.details}
        yield json.dumps({"error": told}).encode("ascii") + b"\n"


def sizes(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /service/sizes: disk space used by this workspace and by what all workspaces of a home share."""
    root, home = context.root, context.home
    return {
        "runs": usage(root / "runs"),
        "snapshots": usage(root / layout.SNAPSHOTS),
        "models": usage(root / "models", root / "mlflow"),  # those logged by MLflow outside of runs, too
        "database": usage(*root.glob("history.db*")),
        "environments": usage(home / "environments"),
        "downloads": usage(*garbage.downloads_of(home), alone=True),
        "caches": usage(root / "index", home / "images", home / "compiled", home / "runtime"),
    }


ROUTES = [
    Route(f"{API}/runs/{{run}}", endpoint(remove_run), methods=["DELETE"]),
    Route(f"{API}/gc", collect, methods=["POST"]),
    Route(f"{API}/service/sizes", endpoint(sizes)),
]
