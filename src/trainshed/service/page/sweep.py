"""What the page shows of a sweep, in columns: ten thousand trials are half a megabyte, and less on the way."""

from __future__ import annotations

import json
import math
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from trainshed.errors import NotFoundException
from trainshed.service.context import ServiceContext
from trainshed.service.guard import DATA
from trainshed.service.responses import packed
from trainshed.service.sweeps import KIND
from trainshed.spec import states
from trainshed.spec.expressions import name_of
from trainshed.spec.record import to_json
from trainshed.store.sweeps import Sweeps, TrialRow
from trainshed.sweeps.importance import importance
from trainshed.sweeps.runs import run_id_of
from trainshed.sweeps.space import dimensions
from trainshed.web.table import Table

_ERRORS = 200
_DIGITS = 6
_SHORT = 80
_STATES = {states.COMPLETED: "c", states.FAILED: "f", states.CANCELED: "x", states.RUNNING: "r", None: "n"}


def screen(context: ServiceContext, run_id: str) -> dict[str, Any]:
    """Return a sweep as its screen shows it.

    Args:
        context: the service's parts.
        run_id: the sweep's run.

    Returns:
        ``{"sweep", "axes", "trials": columns of the same length, "importance"}``. A trial's state is a letter: ``c``
        completed, ``s`` stopped early, ``f`` failed, ``x`` canceled, ``r`` running, ``p`` before that, ``n`` not
        submitted or deleted.

    Raises:
        NotFoundException: there is no such run, or it is not a sweep.
    """
    record = context.history.get(run_id)
    if record["kind"] != KIND:
        raise NotFoundException(f"Run '{record['id']}' is no sweep.")
    stored = Sweeps(context.database)
    sweep, shown = stored.get(record["id"])
    rows = stored.trials(record["id"])
    bests = stored.bests(record["id"], sweep.metric, sweep.maximize)
    axes = [_axis(name, expression) for name, expression in json.loads(sweep.space).items()]
    axes = [axis for axis in axes if len(axis.get("choice", "  ")) > 1]
    ended = [(row.parameters, bests[row.run]) for row in rows if row.status in states.TERMINAL and row.run in bests]
    shares = importance(ended, dimensions(sweep.space), sweep.maximize)
    return {
        "sweep": {
            "metric": sweep.metric,
            "maximize": sweep.maximize,
            "sampling": sweep.sampling,
            "most": sweep.max_total_runs,
            "at_once": sweep.max_concurrent_runs,
            "policy": to_json(sweep.policy),
            "target": shown.get("target"),
        },
        "axes": axes,
        "trials": _columns(context, record, rows, bests, axes),
        "importance": {
            "trials": len(ended),
            "shares": [[name, round(share, 4), *map(_plain, best)] for name, share, best in shares],
        },
    }


def _axis(name: str, expression: Any) -> dict[str, Any]:
    """Return how a parameter is drawn: choices by their place, numbers from a lower to an upper end, if there are."""
    kind = name_of(expression)
    if kind is None or kind == "choice":
        options = [expression] if kind is None else expression[1][0]
        unique = list(dict.fromkeys(map(_text, options)))
        if all(map(_is_number, options)):
            unique.sort(key=float)
        return {"name": name, "choice": unique}
    axis: dict[str, Any] = {"name": name, "log": "log" in kind}
    if kind == "randint":
        axis |= {"low": 0, "high": expression[1][0] - 1}
    elif kind.endswith("uniform"):
        low, high = expression[1][:2]
        axis |= {"low": math.exp(low), "high": math.exp(high)} if axis["log"] else {"low": low, "high": high}
    return {**axis, "stepped": kind == "randint" or kind.startswith("q")}


def _columns(
    context: ServiceContext, record: dict[str, Any], rows: list[TrialRow], bests: dict[str, float], axes: list[Any]
) -> dict[str, Any]:
    begin = min((row.run_started for row in rows if row.run_started), default=0.0)
    ids = {row.number: row.run for row in rows if row.run != run_id_of(record["id"], row.number)}
    failed = [row.run for row in rows if row.status == states.FAILED][:_ERRORS]
    errors = {found["id"]: found.get("error", "") for found in Table(context.database).rows(failed)} if failed else {}
    return {
        "number": [row.number for row in rows],
        "state": "".join(map(_state, rows)),
        "best": [_rounded(bests.get(row.run)) for row in rows],
        "stopped": [row.stopped_at for row in rows],
        "begin": begin,
        "started": [round(row.run_started - begin, 1) if row.run_started else None for row in rows],
        "took": [_took(row) for row in rows],
        "values": [_values(axis, rows) for axis in axes],
        "ids": ids,
        "errors": {row.number: errors[row.run] for row in rows if errors.get(row.run)},
    }


def _state(row: TrialRow) -> str:
    if row.stopped_at is not None and row.status == states.CANCELED:
        return "s"
    return _STATES.get(row.status, "p")


def _values(axis: dict[str, Any], rows: list[TrialRow]) -> list[Any]:
    name = axis["name"]
    if "choice" in axis:
        places = {text: place for place, text in enumerate(axis["choice"])}
        known: dict[str, int | None] = {}  # most values are the same few
        for value in (row.parameters.get(name) for row in rows):
            if (key := repr(value)) not in known:
                known[key] = places.get(_text(value))
        return [known[repr(row.parameters.get(name))] if name in row.parameters else None for row in rows]
    found = [row.parameters.get(name) for row in rows]
    return [_rounded(value) if _is_number(value) else None for value in found]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _took(row: TrialRow) -> float | None:
    return round(row.run_ended - row.run_started, 1) if row.run_ended and row.run_started else None


def _rounded(value: float | None) -> float | None:
    return value if value is None or isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def _plain(value: Any) -> Any:
    return _rounded(value) if _is_number(value) else _text(value)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"


async def sweep(request: Request) -> Response:
    """GET /pages/data/runs/{id}/sweep: a sweep as its screen shows it."""
    context: ServiceContext = request.app.state.context

    def made() -> Response:
        return packed(request, screen(context, request.path_params["run"]))

    return await run_in_threadpool(made)


ROUTES = [Route(f"{DATA}runs/{{run}}/sweep", sweep)]
