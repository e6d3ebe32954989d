"""A run as a piece of HTML, for another page such as a notebook: status, metrics, files and log."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import NotFoundException
from trainshed.service import sweep_page
from trainshed.service.context import ServiceContext
from trainshed.service.mirror import Mirror
from trainshed.service.requests import API, endpoint
from trainshed.service.sweeps import KIND
from trainshed.spec import layout, states

_FRAGMENT_CSS = """
.trainshed h1 { font-size: 1.2em; } .trainshed h2 { font-size: 1em; }
.trainshed th, .trainshed td { text-align: left; padding-right: 1em; }
.trainshed pre { max-height: 20em; overflow: auto; background: #f5f5f5; color: #222; padding: .5em; }
.trainshed svg { background: #fafafa; border: 1px solid #ddd; } .trainshed figure { display: inline-block; }
.trainshed polyline { fill: none; stroke: #27c; stroke-width: 1.5; }
.trainshed polyline.best { stroke: #d60; stroke-width: 3; }
"""
_LOG_BYTES = 64 << 10
_POINTS = 500
_RUNS = 200
_WIDTH, _HEIGHT = 320, 120


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def fragment(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /api/v1/runs/{id}/fragment."""
    record = context.supervisor.look(request.path_params["run"])
    inner = "".join(_parts(context, record))
    return {"html": f"<style>{_FRAGMENT_CSS}</style><div class='trainshed'>{inner}</div>"}


def _parts(context: ServiceContext, record: dict[str, Any]) -> list[str]:
    names = sorted(name for name, _ in context.mirror.listing(record["id"]))
    return [
        f"<h1>{escape(record['display_name'] or record['id'])} {_status(record['status'])}</h1>",
        _facts(record),
        *_error(record),
        *_metrics(context, record["id"]),
        *_below(context, record),
        *_files(names),
        *_log(context.mirror, record["id"]),
    ]


def _facts(record: dict[str, Any]) -> str:
    facts = {"Run": record["id"], "Experiment": record["experiment"], "Target": record["target"]}
    waits = (record["details"] or {}).get("queue_reason") if record["status"] == states.PROVISIONING else ""
    facts |= {"Waiting": str(waits or "")}
    facts |= {"Description": record["description"] or ""}
    facts |= {f"Tag {key}": str(value or "") for key, value in record["tags"].items()}
    rows = [(escape(key), escape(value)) for key, value in facts.items() if value]
    if record["parent"]:
        rows.append(("Parent", escape(record["parent"])))
    return "<table>" + "".join(f"<tr><th>{key}</th><td>{value}</td></tr>" for key, value in rows) + "</table>"


def _error(record: dict[str, Any]) -> list[str]:
    error = (record["details"] or {}).get("error")
    return [f"<h2>Error</h2><p>{escape(str(error.get('message') or ''))}</p>"] if error else []


def _metrics(context: ServiceContext, run_id: str) -> list[str]:
    latest = context.metrics.latest(run_id)
    if not latest:
        return []
    rows = ((escape(name), escape(_shown(facts["value"])), str(facts["count"])) for name, facts in latest.items())
    series = [name for name, facts in latest.items() if facts["kind"] == "scalar" and facts["count"] > 1]
    plots = [_plot(name, [value for _, _, value in context.metrics.points(run_id, name)]) for name in series]
    return ["<h2>Metrics</h2>", *plots, _table(("Metric", "Newest", "Values"), rows)]


def _shown(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 200 else text[:200] + "…"


def _plot(name: str, values: list[Any]) -> str:
    """Return a line chart of the values in order, thinned out if there are many."""
    step = max(len(values) // _POINTS, 1)
    points = [(place, value) for place, value in enumerate(values) if place % step == 0 or place == len(values) - 1]
    points = [(place, float(value)) for place, value in points if _drawable(value)]
    if len(points) < 2:
        return ""
    low, high = min(value for _, value in points), max(value for _, value in points)
    across, up = _WIDTH / max(points[-1][0], 1), (_HEIGHT - 10) / ((high - low) or 1)
    line = " ".join(f"{place * across:.1f},{_HEIGHT - 5 - (value - low) * up:.1f}" for place, value in points)
    drawing = f'<svg width="{_WIDTH}" height="{_HEIGHT}"><polyline points="{line}"/></svg>'
    return f"<figure>{drawing}<figcaption>{escape(name)} ({low:.4g} to {high:.4g})</figcaption></figure>"


def _drawable(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e300 and math.isfinite(value)


def _below(context: ServiceContext, record: dict[str, Any]) -> list[str]:
    if record["kind"] == KIND:
        return sweep_page.parts(context.sweeps.describe(record["id"]), escape)
    found = context.history.list_runs(parent=record["id"], limit=_RUNS)
    rows = ((escape(each["id"]), escape(each["display_name"] or ""), _status(each["status"])) for each in found)
    return ["<h2>Children</h2>", _table(("Run", "Name", "Status"), rows)] if found else []


def _files(names: list[str]) -> list[str]:
    return [f"<h2>Files</h2><ul>{''.join(f'<li>{escape(name)}</li>' for name in names)}</ul>"] if names else []


def _log(mirror: Mirror, run_id: str) -> list[str]:
    for name in (layout.DRIVER_LOG, layout.USER_LOG, layout.BUILD_LOG, layout.SWEEP_LOG):
        try:
            with mirror.open(run_id, layout.place_of(name)) as file:
                file.seek(max(file.seek(0, 2) - _LOG_BYTES, 0))
                text = file.read().decode("utf-8", errors="replace")
        except NotFoundException:
            continue
        if text:
            return [f"<h2>{escape(name)}</h2><pre>{escape(text)}</pre>"]
    return []


def _status(status: str) -> str:
    return f'<span class="status {escape(status)}">{escape(status)}</span>'


ROUTES = [Route(f"{API}/runs/{{run}}/fragment", endpoint(fragment))]
