"""A run as a piece of HTML for another page, such as a notebook: the parts of its own page, one screen tall.

There is no script in it. Its markup is in ``web/templates``: ``fragment.html`` and what that includes.
"""

from __future__ import annotations

import re
import time
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import NotFoundException
from trainshed.service.context import ServiceContext
from trainshed.service.mirror import Mirror
from trainshed.service.page.fragment_charts import Part, charts
from trainshed.service.page.fragment_sweep import sweep
from trainshed.service.requests import API, endpoint
from trainshed.service.sweeps import KIND
from trainshed.spec import layout, states
from trainshed.web.markup import render
from trainshed.web.words import took

_LOG_BYTES = 32 << 10
_RUNS = 200
_FILES = 100
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)")
_SHAPES = {
    states.NOT_STARTED: "notstarted",
    states.QUEUED: "queued",
    states.RUNNING: "running",
    states.COMPLETED: "completed",
    states.FAILED: "failed",
    states.CANCELED: "canceled",
    states.NOT_RESPONDING: "lost",
}
"""Status → class of its shape and color, the same as on the page; all others are those of preparing."""


def fragment(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /api/v1/runs/{id}/fragment?page=…: ``page`` is the address of the pages, as the client's user sees them."""
    record = context.supervisor.look(request.path_params["run"])
    page = request.query_params.get("page", "")
    return {"html": html(context, record, page if page.startswith(("http://", "https://")) else "")}


def html(context: ServiceContext, record: dict[str, Any], page: str) -> str:
    """Return the HTML of a run.

    Args:
        context: the service's parts.
        record: the run's.
        page: address of the pages, where links lead; without one there are none.
    """
    left, more = (sweep(context, record["id"]), 0) if record["kind"] == KIND else charts(context, record)
    left += [*(_children(context, record) if record["kind"] != KIND else ()), *_files(context, record)]
    parent = {"id": record["parent"], "name": _name_of(context, record["parent"])} if record["parent"] else None
    log = _log(context.mirror, record["id"])
    run = _facts(record)
    return render("fragment.html", page=page.rstrip("/"), run=run, parent=parent, left=left, more=more, log=log)


def _facts(record: dict[str, Any]) -> dict[str, Any]:
    details = record["details"] or {}
    name = record["display_name"] or record["id"]
    waits = details.get("queue_reason") if record["status"] in (states.PROVISIONING, states.QUEUED) else ""
    facts = [record["experiment"], record["target"], record["id"] if name != record["id"] else ""]
    tags = [
        f"{key}: {value}" if value else str(key) for key, value in record["tags"].items() if key != "hyperparameters"
    ]
    error = details.get("error")
    return {
        **_short(record),
        "waits": waits or "",
        "facts": [fact for fact in facts if fact],
        "tags": tags[:6],
        "description": record["description"],
        "why": str(error.get("message") or "") if error else None,
    }


def _short(record: dict[str, Any]) -> dict[str, Any]:
    """Return what is told of a run in a line."""
    return {
        "id": record["id"],
        "name": record["display_name"] or record["id"],
        "status": record["status"],
        "kind": _SHAPES.get(record["status"], "preparing"),
        "took": _took(record),
    }


def _name_of(context: ServiceContext, run_id: str) -> str:
    try:
        return str(context.history.get(run_id)["display_name"] or run_id)
    except NotFoundException:
        return run_id


def _took(record: dict[str, Any]) -> str:
    return took((record["ended"] or time.time()) - record["started"]) if record["started"] else ""


def _children(context: ServiceContext, record: dict[str, Any]) -> list[Part]:
    found = context.history.list_runs(parent=record["id"], limit=_RUNS)
    return [Part("Children", "children", [_short(each) for each in found], wide=True)] if found else []


def _files(context: ServiceContext, record: dict[str, Any]) -> list[Part]:
    found = sorted((name, about.st_size) for name, about in context.mirror.listing(record["id"]))
    files = [(name, _size(size)) for name, size in found[:_FILES]]
    data = {"run": record["id"], "files": files, "more": max(len(found) - _FILES, 0)}
    return [Part("Files", "files", data, wide=True)] if found else []


def _size(count: float) -> str:
    units = ["B", "kB", "MB", "GB", "TB"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop(0)
    return f"{count:.1f} {units[0]}" if units[0] != "B" and count < 10 else f"{count:.0f} {units[0]}"


def _log(mirror: Mirror, run_id: str) -> dict[str, str] | None:
    for name in (layout.DRIVER_LOG, layout.USER_LOG, layout.BUILD_LOG, layout.SWEEP_LOG):
        try:
            with mirror.open(run_id, layout.place_of(name)) as file:
                file.seek(max(file.seek(0, 2) - _LOG_BYTES, 0))
                text = file.read().decode("utf-8", errors="replace")
        except NotFoundException:
            continue
        if text:
            plain = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in _ANSI.sub("", text).split("\n"))
            return {"name": name, "text": plain}
    return None


ROUTES = [Route(f"{API}/runs/{{run}}/fragment", endpoint(fragment))]
