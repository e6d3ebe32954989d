"""What the page asks about one run: its state, curves, logs and files."""

from __future__ import annotations

import math
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.errors import NotFoundException, UserErrorException
from trainshed.service.context import ServiceContext
from trainshed.service.guard import DATA
from trainshed.service.page.panels import command_of
from trainshed.service.requests import endpoint, number
from trainshed.service.responses import packed
from trainshed.service.transfers import FileContent, list_files
from trainshed.spec import layout, states
from trainshed.spec.floats import spelled
from trainshed.system.confined import parts_of
from trainshed.web.curves import Curves
from trainshed.web.logs import Log
from trainshed.web.table import Question, Table

_MOST_CURVES = 100
_PREVIEW_BYTES = 1 << 18
_LONGEST_VALUE = 100_000
"""Values of a list or table that the page draws."""


def run(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """What stands on a run's page but curves, logs, files and details."""
    record = context.supervisor.look(request.path_params["run"])
    table = Table(context.database)
    children = table.window(Question(text=f'parent:"{record["id"]}" archived:any', limit=0))
    latest = context.metrics.latest(record["id"])
    return {
        **facts(context, record),
        "command": command_of(record["spec"]),
        "children_total": children["total"],
        "parent_run": next(iter(table.rows([record["parent"]])), None) if record["parent"] else None,
        "metrics": [_metric(name, found) for name, found in latest.items()],
        "place": max((found["place"] for found in latest.values()), default=-1),
        "logs": logs_of(context, record),
        "resources": Curves(context.database).resources(record["id"]),
    }


async def shown(request: Request) -> Response:
    """GET /pages/data/runs/{id}: what :func:`run` returns; five thousand metrics are half a megabyte."""
    context: ServiceContext = request.app.state.context
    return await run_in_threadpool(lambda: packed(request, run(context, request, None)))


def facts(context: ServiceContext, record: dict[str, Any]) -> dict[str, Any]:
    """Return what changes while a run runs.

    Args:
        context: the service's parts.
        record: the run's.
    """
    found = {name: value for name, value in record.items() if name not in ("spec", "properties", "native_id")}
    found["events"] = context.history.events(record["id"])
    found["terminal"] = record["status"] in states.TERMINAL
    if record["status"] == states.QUEUED:
        found["queue"] = _queue(context, record)
    return found


def _queue(context: ServiceContext, record: dict[str, Any]) -> dict[str, Any]:
    """Return the place of a run in its queue, what is before it, and what runs."""
    table = Table(context.database)
    places = table.places()
    text = f'target:"{record["target"]}" archived:any status:'
    before = [
        row for row in table.rows([run for run, place in places.items() if place == places.get(record["id"], 0) - 1])
        if row["target"] == record["target"]
    ]  # fmt: skip
    running = table.window(Question(text=f"{text}running,preparing", limit=3))
    return {"place": places.get(record["id"]), "before": before[:1], "running": running["rows"]}


def _metric(name: str, found: dict[str, Any]) -> dict[str, Any]:
    value = found["value"]
    short = value if isinstance(value, int | float | None) else str(value)[:200]
    return {"name": name, "kind": found["kind"], "count": found["count"], "value": short}


def logs_of(context: ServiceContext, record: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the logs of a run, in the order in which people want to see them: ``{"name", "size"}``.

    Args:
        context: the service's parts.
        record: the run's.
    """
    found = {}
    for name, about in context.mirror.listing(record["id"]):
        if name.startswith(("azureml-logs/", "logs/")) and name.endswith((".txt", ".log")):
            found[name] = about.st_size
    first = (layout.DRIVER_LOG, layout.USER_LOG, layout.SWEEP_LOG)
    order = sorted(found, key=lambda name: (name not in first, name == layout.BUILD_LOG, len(name), name))
    return [{"name": name, "size": found[name]} for name in order]


def curves(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /pages/data/runs/{id}/curves?name=…&name=…&width=…&from=…&to=…&by=step|time."""
    run_id, query = request.path_params["run"], request.query_params
    between = _between(query.get("from"), query.get("to"))
    reader = Curves(context.database)
    found = {}
    for name in query.getlist("name")[:_MOST_CURVES]:
        curve = reader.curve(run_id, name, number(request, "width", 600), between, query.get("by", "step"))
        if curve is not None:
            found[name] = curve
    return {"curves": found}


def _between(low: str | None, high: str | None) -> tuple[float, float] | None:
    if low is None or high is None:
        return None
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = math.nan, math.nan
    if not all(map(math.isfinite, ends)):
        raise UserErrorException("'from' and 'to' must be numbers.")
    return ends


def value(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /pages/data/runs/{id}/value?name=…: a table, a row or a list, or all values of a metric that are few."""
    run_id, name = request.path_params["run"], request.query_params.get("name", "")
    found = context.metrics.read(run_id, name)
    if name not in found:
        raise NotFoundException(f"The run has logged no '{name}'.")
    return {"value": spelled(_cut(found[name]), marked=False)}


def _cut(found: Any) -> Any:
    if isinstance(found, list):
        return found[:_LONGEST_VALUE]
    if isinstance(found, dict):
        return {key: _cut(each) for key, each in list(found.items())[:200]}
    return found


def log(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /pages/data/runs/{id}/log?name=…&from=…&bytes=…: a piece of a log; without ``from``, its end."""
    return _log(context, request).piece(number(request, "from", -1), number(request, "bytes", 1 << 16))


def find(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /pages/data/runs/{id}/find?name=…&text=…: where a text occurs in a log."""
    return _log(context, request).find(request.query_params.get("text", ""))


def _log(context: ServiceContext, request: Request) -> Log:
    run_id, name = request.path_params["run"], request.query_params.get("name", "")
    context.supervisor.look(run_id)
    parts_of(name)
    return Log(lambda: context.mirror.open(run_id, layout.place_of(name)))


def files(context: ServiceContext, request: Request, body: Any) -> dict[str, Any]:
    """GET /pages/data/runs/{id}/files."""
    return list_files(context, request, body)


def preview(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /pages/data/runs/{id}/preview?name=…: the beginning of a file as text, if it is one."""
    run_id, name = context.history.get(request.path_params["run"])["id"], request.query_params.get("name", "")
    parts_of(name)
    with context.mirror.open(run_id, layout.place_of(name)) as file:
        size = file.seek(0, 2)
        file.seek(0)
        content = file.read(_PREVIEW_BYTES)
    if b"\0" in content:
        return {"size": size, "text": None}
    text = content.decode("utf-8", "replace")
    odd = sum(mark == "\ufffd" for mark in text)
    return {"size": size, "text": None if odd > 1 + len(text) // 50 else text, "whole": len(content) == size}


async def file(request: Request) -> Response:
    """GET /pages/data/runs/{id}/files/{name}: always something to save, never a document of this address."""
    context: ServiceContext = request.app.state.context
    run_id, name = request.path_params["run"], request.path_params["name"]
    parts_of(name)
    await run_in_threadpool(context.history.get, run_id)
    found = await run_in_threadpool(context.mirror.open, run_id, layout.place_of(name))
    found = await run_in_threadpool(context.outputs.checked, run_id, name, found)
    return FileContent(found, media_type="application/octet-stream", headers={"content-disposition": "attachment"})


_ONE = f"{DATA}runs/{{run}}"
ROUTES = [
    Route(_ONE, shown),
    Route(f"{_ONE}/curves", endpoint(curves)),
    Route(f"{_ONE}/value", endpoint(value)),
    Route(f"{_ONE}/log", endpoint(log)),
    Route(f"{_ONE}/find", endpoint(find)),
    Route(f"{_ONE}/preview", endpoint(preview)),
    Route(f"{_ONE}/files", endpoint(files)),
    Route(f"{_ONE}/files/{{name:file}}", file),
]
