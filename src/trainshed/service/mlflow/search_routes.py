"""Searches among runs, and the histories of their metrics, for MLflow's clients."""

from __future__ import annotations

import json
import logging
import time
from itertools import chain
from typing import Any

from trainshed.runtime import mlflow_search
from trainshed.runtime.mlflow_words import invalid, point
from trainshed.service.attempts import later
from trainshed.service.context import ServiceContext
from trainshed.service.mlflow import experiments as mlflow_experiments
from trainshed.service.mlflow import runs as mlflow_runs
from trainshed.spec import states
from trainshed.store.mlflow import RunRow

log = logging.getLogger("trainshed.service")
Fields = dict[str, Any]
_MOST, _USUAL = 50_000, 1000
_MOST_RUNS = 100
_MOST_POINTS = 25_000
_MOST_SAMPLED, _SAMPLED = 2500, 320
_MOST_EXPERIMENTS = 20
_MOST_LOOKED_AT = 64
_MOST_KEPT, _LONGEST_KEPT = 20_000, 4000
_kept: dict[str, tuple[int, bytes]] = {}
"""Runs that have ended, as JSON, with a mark of what that was made of; some 30 MB at most in usual cases."""
_WARMED, _AT_ONCE, _PAUSE = 10_000, 200, 0.02
"""Runs whose JSON is made before anybody asks: how many, how many at a time, and seconds for others after each time."""
_encoder = json.JSONEncoder(separators=(",", ":"))


def _as_bytes(run: Fields) -> bytes:
    return _encoder.encode(run).encode("ascii")


def warm(context: ServiceContext) -> None:
    """Make the JSON of the newest runs, in the background: a client that reads thousands need not wait for it.

    Args:
        context: the service's parts.
    """
    later(0.0, _warm, context, failed=lambda error: log.info("runs were not read for MLflow's clients: %s", error))


def _warm(context: ServiceContext) -> None:
    experiments = {each["name"]: each for each in mlflow_experiments.known(context).values()}
    rows = context.mlflow.runs(list(experiments), False, (0, _WARMED))
    for first in range(0, len(rows), _AT_ONCE):
        _texts(context, rows[first : first + _AT_ONCE], experiments)
        time.sleep(_PAUSE)


def _chosen(context: ServiceContext, given: Fields) -> dict[str, Fields]:
    """Return the experiments that a request names, by their names."""
    everything = mlflow_experiments.known(context)
    ids = given.get("experiment_ids") or []
    found = {}
    for experiment_id in ids:
        if not isinstance(experiment_id, str):
            raise invalid(f"Invalid value {json.dumps(experiment_id)[:100]} for parameter 'experiment_ids' supplied.")
        each = everything.get(experiment_id) or next(
            (each for each in everything.values() if each["name"] == experiment_id), None
        )
        if each is not None:
            found[each["name"]] = each
    return found


def search(context: ServiceContext, given: Fields) -> bytes:
    """POST runs/search."""
    wanted, experiments = mlflow_experiments.view(given, "run_view_type"), _chosen(context, given)
    first, size = mlflow_search.window(given, _MOST, _USUAL)
    order = mlflow_search.RUNS.orders(given.get("order_by") or ())
    _look(context, experiments)
    if given.get("filter") or order:
        passes = mlflow_search.RUNS.filter(given.get("filter"))
        rows = context.mlflow.runs(list(experiments), wanted)
        newest = context.mlflow.newest([row.id for row in rows])
        runs = [mlflow_runs.shown(row, newest.get(row.id, []), experiments) for row in rows]
        fields = [(_fields(run), run) for run in runs]
        found = mlflow_search.ordered([each for each in fields if passes(each[0])], lambda each: each[0], order)
        answer = [_as_bytes(run) for _, run in found[first : first + size + 1]]
    else:
        rows = context.mlflow.runs(list(experiments), wanted, (first, size + 1))
        answer = _texts(context, rows, experiments)
    more = f',"next_page_token":"{first + size}"' if len(answer) > size else ""
    return b'{"runs":[%b]%b}' % (b",".join(answer[:size]), more.encode())


def _texts(context: ServiceContext, rows: list[RunRow], experiments: dict[str, Fields]) -> list[bytes]:
    """Return runs as JSON; of those that have ended, it is kept, because clients read thousands again and again."""
    abouts = {name: (each["id"], each["location"]) for name, each in experiments.items()}
    marks = [hash((row, abouts[row.experiment])) for row in rows]
    found = {}
    for row, mark in zip(rows, marks, strict=True):
        kept = _kept.get(row.id)
        if kept is not None and kept[0] == mark:
            found[row.id] = kept[1]
    newest = context.mlflow.newest([row.id for row in rows if row.id not in found])
    for row, mark in zip(rows, marks, strict=True):
        if row.id in found:
            continue
        run = mlflow_runs.shown(row, newest.get(row.id, []), experiments)
        text = found[row.id] = _as_bytes(run)
        if row.status in states.TERMINAL and len(text) < _LONGEST_KEPT:
            if len(_kept) >= _MOST_KEPT:
                _kept.clear()
            _kept[row.id] = mark, text
    return [found[row.id] for row in rows]


def _look(context: ServiceContext, experiments: dict[str, Fields]) -> None:
    """Take in what running jobs have logged until now."""
    found = chain.from_iterable(
        context.history.list_runs(experiment=name, status=states.RUNNING, limit=_MOST_LOOKED_AT) for name in experiments
    )
    for record in found:
        if record["kind"]:
            context.supervisor.look(record["id"])


def _fields(run: Fields) -> Fields:
    """Return the fields of a run for a search."""
    datasets = [{**each["dataset"], "context": _context(each)} for each in run["inputs"].get("dataset_inputs", ())]
    return {**mlflow_search.fields_of(run), mlflow_search.DATASET: datasets}


def _context(dataset: Fields) -> str | None:
    tags = dataset.get("tags") or ()
    return next((str(tag.get("value")) for tag in tags if tag.get("key") == "mlflow.data.context"), None)


def history(context: ServiceContext, given: Fields) -> Fields:
    """GET metrics/get-history."""
    run_id, key = given["run_id"], given["metric_key"]
    mlflow_runs.whole(context, run_id)
    found = context.metrics.numbers(run_id, key)
    some, token = mlflow_search.page(found, given, max(len(found), _MOST_POINTS), max(len(found), 1))
    told = [point(key, value, step, moment) for step, moment, value in some]
    return {"metrics": told, **({"next_page_token": token} if token else {})}


def bulk(context: ServiceContext, given: Fields) -> Fields:
    """GET metrics/get-history-bulk: points of one metric of several runs."""
    ids, key = [str(each) for each in given.get("run_id") or []], given.get("metric_key")
    if not ids:
        raise invalid("GetMetricHistoryBulk request must specify at least one run_id.")
    if len(ids) > _MOST_RUNS:
        raise invalid(f"GetMetricHistoryBulk request cannot specify more than {_MOST_RUNS} run_ids.")
    if not key:
        raise invalid("GetMetricHistoryBulk request must specify a metric_key.")
    most = given.get("max_results") or _MOST_POINTS
    told: list[Fields] = []
    for run_id in sorted(ids):
        found = sorted(context.metrics.numbers(run_id, key), key=lambda each: (each[1], each[0] or 0, each[2]))
        told += [{**point(key, value, step, moment), "run_id": run_id} for step, moment, value in found]
    return {"metrics": told[: max(min(most, _MOST_POINTS), 0)]}


def interval(context: ServiceContext, given: Fields) -> Fields:
    """GET metrics/get-history-bulk-interval: some points of one metric of several runs, the last among them."""
    ids, key = [str(each) for each in given["run_ids"]], given["metric_key"]
    if len(ids) > _MOST_RUNS:
        raise invalid(f"GetMetricHistoryBulkInterval request must specify at most {_MOST_RUNS} run_ids.")
    most = _SAMPLED if given.get("max_results") is None else given["max_results"]
    if not 0 < most <= _MOST_SAMPLED:
        raise invalid(f"max_results must be between 1 and {_MOST_SAMPLED}.")
    first, last = given.get("start_step"), given.get("end_step")
    if (first is None) != (last is None):
        raise invalid("If either start step or end step are specified, both must be specified.")
    if first is not None and last is not None and first > last:
        raise invalid(f"end_step must be greater than start_step. Found start_step={first} and end_step={last}.")
    told: list[Fields] = []
    for run_id in ids:
        found = [
            (step or 0, moment, value)
            for step, moment, value in context.metrics.numbers(run_id, key)
            if first is None or last is None or first <= (step or 0) <= last
        ]
        found.sort()
        told += [{**point(key, value, step, moment), "run_id": run_id} for step, moment, value in _some(found, most)]
    return {"metrics": told}


def _some(found: list[Any], most: int) -> list[Any]:
    """Return at most so many, evenly spread, the first and the last among them."""
    if len(found) <= most:
        return found
    every = len(found) / most
    return [found[int(place * every)] for place in range(most - 1)] + [found[-1]]


def datasets(context: ServiceContext, given: Fields) -> Fields:
    """POST experiments/search-datasets."""
    if not given.get("experiment_ids"):
        raise invalid("SearchDatasets request must specify at least one experiment_id.")
    if len(given["experiment_ids"]) > _MOST_EXPERIMENTS:
        raise invalid(f"SearchDatasets request cannot specify more than {_MOST_EXPERIMENTS} experiment_ids.")
    experiments = _chosen(context, given)
    told: dict[tuple[Any, ...], Fields] = {}
    for row in context.mlflow.runs(list(experiments), False):
        run = mlflow_runs.shown(row, [], experiments)
        for each in run["inputs"].get("dataset_inputs", ()):
            dataset = each["dataset"]
            about = (run["info"]["experiment_id"], dataset.get("name"), dataset.get("digest"), _context(each))
            made = dict(zip(("experiment_id", "name", "digest", "context"), about, strict=True))
            told[about] = {name: value for name, value in made.items() if value is not None}
    return {"dataset_summaries": list(told.values())[:1000]}


ROUTES = {
    ("POST", "runs/search"): search,
    ("GET", "metrics/get-history"): history,
    ("GET", "metrics/get-history-bulk"): bulk,
    ("GET", "metrics/get-history-bulk-interval"): interval,
    ("POST", "experiments/search-datasets"): datasets,
}
"""Method and route → what answers it."""
