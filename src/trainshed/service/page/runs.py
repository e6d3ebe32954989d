"""What the page asks about many runs."""

from __future__ import annotations

import contextlib
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from trainshed.errors import NotFoundException, TrainshedError
from trainshed.service.context import ServiceContext
from trainshed.service.guard import DATA
from trainshed.service.requests import API, endpoint, number
from trainshed.spec.arguments import parameters
from trainshed.spec.floats import spelled
from trainshed.web.curves import Curves
from trainshed.web.source_diff import difference
from trainshed.web.table import Question, Table

_MOST_COLUMNS = 40
_MOST_COMPARED = 50


def rows(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /pages/data/runs: a window of the table; ``metric`` and ``parameter`` may be given several times."""
    query = request.query_params
    metrics, parameters = query.getlist("metric")[:_MOST_COLUMNS], query.getlist("parameter")[:_MOST_COLUMNS]
    table, usual = Table(context.database), None
    for run_id in table.running():
        with contextlib.suppress(TrainshedError):  # it has been removed meanwhile
            context.supervisor.look(run_id)  # takes in what it has logged
    if number(request, "usual", 0):
        usual = table.usual()
        metrics, parameters = usual["metrics"], usual["parameters"]
    asked = Question(
        text=query.get("filter", ""),
        sort=query.get("sort", ""),
        descending=bool(number(request, "descending", 1)),
        group=query.get("group", ""),
        offset=number(request, "offset", 0),
        limit=number(request, "limit", 100),
        metrics=tuple(metrics),
        parameters=tuple(parameters),
    )
    return {**table.window(asked), **({"usual": usual} if usual else {})}


def names(context: ServiceContext, _: Request, __: Any) -> dict[str, Any]:
    """GET /pages/data/names: what can be chosen as a column."""
    return Table(context.database).names()


def compare(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /pages/data/compare?run=…&run=…: what two or more runs may differ in."""
    curves, found = Curves(context.database), []
    for run_id in request.query_params.getlist("run")[:_MOST_COMPARED]:
        record = context.supervisor.look(run_id)
        spec = record.pop("spec")
        about = {name: spec[name] for name in ("script", "command", "target", "snapshot", "launcher", "node_count")}
        environment = record["details"].get("environment") or {}
        found.append(
            {
                **record,
                "details": {},
                "about": {**about, "processes": spec["process_count_per_node"], "use_gpu": spec["use_gpu"]},
                "packages": environment.get("packages") or [],
                "parameters": parameters(spec["arguments"], record["properties"]),
                "metrics": curves.extremes(run_id),
            }
        )
    answer: dict[str, Any] = spelled({"runs": found})
    return answer


def diff(context: ServiceContext, request: Request, _: Any) -> dict[str, Any]:
    """GET /pages/data/diff?one=…&two=…: the difference between the sources of two runs."""
    ids = [request.query_params.get(name, "") for name in ("one", "two")]
    found = [context.history.get(run_id)["spec"].get("snapshot") for run_id in ids]
    if None in found:
        raise NotFoundException(f"Run '{ids[found.index(None)]}' has no snapshot of its source.")
    return difference(context.snapshots, *map(str, found))


ROUTES = [
    # The same for the command line.
    Route(f"{API}/table", endpoint(rows)),
    Route(f"{API}/table/names", endpoint(names)),
    Route(f"{API}/diff", endpoint(diff)),
    Route(f"{DATA}runs", endpoint(rows)),
    Route(f"{DATA}compare", endpoint(compare)),
    Route(f"{DATA}diff", endpoint(diff)),
    Route(f"{DATA}names", endpoint(names)),
]
